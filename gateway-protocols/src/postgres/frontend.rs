//! Messages of the side that asks (PostgreSQL protocol, Message Formats, "F").
//!
//! Reading borrows from the bytes it reads. Writing appends one whole message.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use gateway_policy::command::Parameter;

use super::frame::{self, Malformed, Reader};

/// What may be sent once the login is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Query,
    Parse,
    Bind,
    Describe,
    Execute,
    Close,
    Flush,
    Sync,
    CopyData,
    CopyDone,
    CopyFail,
    FunctionCall,
    Terminate,
}

impl Kind {
    pub const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'Q' => Self::Query,
            b'P' => Self::Parse,
            b'B' => Self::Bind,
            b'D' => Self::Describe,
            b'E' => Self::Execute,
            b'C' => Self::Close,
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'd' => Self::CopyData,
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail,
            b'F' => Self::FunctionCall,
            b'X' => Self::Terminate,
            _ => return None,
        })
    }

    /// Whether PostgreSQL itself takes long messages of this kind. Of the others it takes 10,000 bytes.
    pub const fn may_be_long(self) -> bool {
        match self {
            Self::Query | Self::Parse | Self::Bind | Self::CopyData | Self::FunctionCall => true,
            Self::Describe
            | Self::Execute
            | Self::Close
            | Self::Flush
            | Self::Sync
            | Self::CopyDone
            | Self::CopyFail
            | Self::Terminate => false,
        }
    }
}

/// The text of a Query.
pub fn query_text(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(body);
    let text = reader.text()?;
    reader.end()?;
    Ok(text)
}

/// A statement that is to be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parse<'a> {
    /// Empty for the unnamed one.
    pub statement: &'a [u8],
    pub text: &'a [u8],
    /// Four bytes for each parameter whose type is prescribed.
    pub types: &'a [u8],
}

impl<'a> Parse<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let (statement, text) = (reader.text()?, reader.text()?);
        let count = usize::from(reader.short()?);
        let types = reader.bytes(count.saturating_mul(4))?;
        reader.end()?;
        Ok(Self { statement, text, types })
    }
}

/// A prepared statement gets its values and becomes a portal.
#[derive(Debug, Clone, Copy)]
pub struct Bind<'a> {
    pub portal: &'a [u8],
    pub statement: &'a [u8],
    formats: &'a [u8],
    count: u16,
    values: &'a [u8],
}

impl<'a> Bind<'a> {
    /// Reads it to its end, so that the parameters can be gone through later without surprise.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let (portal, statement) = (reader.text()?, reader.text()?);
        let formats = formats(&mut reader)?;
        let count = reader.short()?;
        let values = reader.rest();
        for _ in 0..count {
            reader.value()?;
        }
        let results = self::formats(&mut reader)?;
        reader.end()?;
        let one_for_each = matches!(formats.len() / 2, 0 | 1) || formats.len() / 2 == usize::from(count);
        let known = |formats: &[u8]| formats.chunks_exact(2).all(|code| matches!(code, [0, 0 | 1]));
        if !one_for_each || !known(formats) || !known(results) {
            return Err(Malformed::Value);
        }
        Ok(Self { portal, statement, formats, count, values })
    }

    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> {
        let (mut reader, formats) = (Reader::new(self.values), self.formats);
        (0..self.count()).map_while(move |index| {
            Some(match reader.value().ok()? {
                None => Parameter::Null,
                Some(value) if is_binary(formats, index) => Parameter::Binary(value),
                Some(value) => Parameter::Text(value),
            })
        })
    }
}

fn formats<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let count = usize::from(reader.short()?);
    reader.bytes(count.saturating_mul(2))
}

/// None means text for all, one is for all.
fn is_binary(formats: &[u8], index: usize) -> bool {
    let index = if formats.len() == 2 { 0 } else { index };
    formats.chunks_exact(2).nth(index) == Some(&[0, 1])
}

/// What Describe and Close are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    Statement(&'a [u8]),
    Portal(&'a [u8]),
}

impl<'a> Named<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let (what, name) = (reader.byte()?, reader.text()?);
        reader.end()?;
        match what {
            b'S' => Ok(Self::Statement(name)),
            b'P' => Ok(Self::Portal(name)),
            _ => Err(Malformed::Value),
        }
    }
}

/// The portal that an Execute is about.
pub fn executed_portal(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(body);
    let portal = reader.text()?;
    reader.long()?;
    reader.end()?;
    Ok(portal)
}

pub fn query(out: &mut Vec<u8>, text: &[u8]) {
    frame::message(out, b'Q', |out| frame::text(out, text));
}

pub fn describe_portal(out: &mut Vec<u8>, portal: &[u8]) {
    frame::message(out, b'D', |out| {
        out.push(b'P');
        frame::text(out, portal);
    });
}

/// Runs a portal to its end.
pub fn execute(out: &mut Vec<u8>, portal: &[u8]) {
    frame::message(out, b'E', |out| {
        frame::text(out, portal);
        out.extend_from_slice(&[0; 4]);
    });
}

pub fn copy_fail(out: &mut Vec<u8>, why: &[u8]) {
    frame::message(out, b'f', |out| frame::text(out, why));
}

pub fn flush(out: &mut Vec<u8>) {
    frame::message(out, b'H', |_| ());
}

pub fn sync(out: &mut Vec<u8>) {
    frame::message(out, b'S', |_| ());
}

pub fn terminate(out: &mut Vec<u8>) {
    frame::message(out, b'X', |_| ());
}
