//! Messages of the side that answers (PostgreSQL protocol, Message Formats, "B").
//!
//! Reading borrows from the bytes it reads.

#[cfg(test)]
mod tests;

use gateway_policy::command::Transaction;

use crate::conversation::{Column, Format};

use super::frame::{Malformed, Reader};

/// What may be answered once the login is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    BindComplete,
    CloseComplete,
    CommandComplete,
    CopyBothResponse,
    CopyData,
    CopyDone,
    CopyInResponse,
    CopyOutResponse,
    DataRow,
    EmptyQueryResponse,
    ErrorResponse,
    NoData,
    NoticeResponse,
    NotificationResponse,
    ParameterDescription,
    ParameterStatus,
    ParseComplete,
    PortalSuspended,
    ReadyForQuery,
    RowDescription,
}

impl Kind {
    pub const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'2' => Self::BindComplete,
            b'3' => Self::CloseComplete,
            b'C' => Self::CommandComplete,
            b'W' => Self::CopyBothResponse,
            b'd' => Self::CopyData,
            b'c' => Self::CopyDone,
            b'G' => Self::CopyInResponse,
            b'H' => Self::CopyOutResponse,
            b'D' => Self::DataRow,
            b'I' => Self::EmptyQueryResponse,
            b'E' => Self::ErrorResponse,
            b'n' => Self::NoData,
            b'N' => Self::NoticeResponse,
            b'A' => Self::NotificationResponse,
            b't' => Self::ParameterDescription,
            b'S' => Self::ParameterStatus,
            b'1' => Self::ParseComplete,
            b's' => Self::PortalSuspended,
            b'Z' => Self::ReadyForQuery,
            b'T' => Self::RowDescription,
            _ => return None,
        })
    }
}

/// The fields of an ErrorResponse or NoticeResponse, each with the letter that says what it is.
#[derive(Debug, Clone, Copy)]
pub struct ErrorFields<'a> {
    body: &'a [u8],
}

impl<'a> ErrorFields<'a> {
    /// The body may be cut off: what is whole of it is read.
    pub fn new(body: &'a [u8]) -> Self {
        Self { body }
    }

    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut reader = Reader::new(self.body);
        core::iter::from_fn(move || match reader.byte() {
            Ok(letter) if letter != 0 => reader.text().ok().map(|text| (letter, text)),
            _ => None,
        })
    }

    pub fn get(&self, letter: u8) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| *found == letter).map(|(_, text)| text)
    }

    /// SQLSTATE.
    pub fn code(&self) -> Option<&'a str> {
        self.get(b'C').and_then(|code| core::str::from_utf8(code).ok())
    }

    pub fn message(&self) -> Option<&'a [u8]> {
        self.get(b'M')
    }

    /// Whether the connection ends with it. `V` is never translated; servers before 9.6 have only `S`.
    pub fn is_fatal(&self) -> bool {
        matches!(self.get(b'V').or_else(|| self.get(b'S')), Some(b"FATAL" | b"PANIC"))
    }
}

/// Name and value of a ParameterStatus.
pub fn parameter_status(body: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(body);
    let status = (reader.text()?, reader.text()?);
    reader.end()?;
    Ok(status)
}

/// What a ReadyForQuery says of the transaction.
pub fn ready_for_query(body: &[u8]) -> Result<Transaction, Malformed> {
    match body {
        b"I" => Ok(Transaction::None),
        b"T" => Ok(Transaction::Open),
        b"E" => Ok(Transaction::Failed),
        _ => Err(Malformed::Value),
    }
}

/// What a CommandComplete says was done: `SELECT 3`.
pub fn tag(body: &[u8]) -> Result<&str, Malformed> {
    let mut reader = Reader::new(body);
    let tag = reader.text()?;
    reader.end()?;
    core::str::from_utf8(tag).map_err(|_| Malformed::Value)
}

/// The columns of a RowDescription, in order. Ends early where the body is malformed, which `columns` rules out.
pub fn columns(body: &[u8]) -> Result<impl Iterator<Item = Column<'_>> + Clone, Malformed> {
    let mut reader = Reader::new(body);
    let count = reader.short()?;
    let mut check = reader;
    for _ in 0..count {
        column(&mut check)?;
    }
    check.end()?;
    Ok((0..count).scan(reader, |reader, _| column(reader).ok()))
}

fn column<'a>(reader: &mut Reader<'a>) -> Result<Column<'a>, Malformed> {
    let name = reader.text()?;
    let (table, attribute, kind) = (reader.long()?, reader.short()?, reader.long()?);
    let (_size, _modifier) = (reader.short()?, reader.long()?);
    let format = match reader.short()? {
        0 => Format::Text,
        1 => Format::Binary,
        _ => return Err(Malformed::Value),
    };
    Ok(Column { name, table, attribute, kind, format })
}

/// The values of a DataRow, in order; `None` is NULL.
pub fn values(body: &[u8]) -> Result<impl Iterator<Item = Result<Option<&[u8]>, Malformed>>, Malformed> {
    let mut reader = Reader::new(body);
    let count = reader.short()?;
    Ok((0..count).map(move |_| reader.value()))
}
