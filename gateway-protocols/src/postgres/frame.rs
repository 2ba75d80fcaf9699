//! Messages as they lie in the stream: a byte of kind, four of length, a body (PostgreSQL protocol, Message Formats).
//!
//! What a kind means is left to `frontend` and `backend`. Nothing here copies.

use alloc::vec::Vec;

#[cfg(test)]
mod tests;

/// Kind and length.
pub const HEADER: usize = 5;

/// What is in front of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub kind: u8,
    /// How long the body is.
    pub body: usize,
}

impl Header {
    /// The header that the bytes begin with, or `None` as long as it is not all there.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some(&[kind, a, b, c, d]) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        // The length counts itself.
        let body = u32::from_be_bytes([a, b, c, d]).checked_sub(4).ok_or(Malformed::Length)?;
        if i32::try_from(body).is_err() {
            return Err(Malformed::Length);
        }
        Ok(Some(Self { kind, body: usize::try_from(body).map_err(|_| Malformed::Length)? }))
    }

    /// Header and body together.
    pub fn whole(self) -> usize {
        self.body.saturating_add(HEADER)
    }
}

/// Bytes that are not what their kind demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("its length is impossible")]
    Length,
    #[error("it is cut short")]
    Short,
    #[error("it goes on behind its end")]
    Long,
    #[error("a text in it has no end")]
    Endless,
    #[error("it has a value that means nothing")]
    Value,
}

/// Reads the fields of a body one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(byte)
    }

    pub fn short(&mut self) -> Result<u16, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    pub fn long(&mut self) -> Result<u32, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A text that a zero byte ends; without that byte.
    pub fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or(Malformed::Endless)?;
        let text = self.bytes(end)?;
        self.byte()?;
        Ok(text)
    }

    /// A value behind its length, as in Bind and DataRow; `None` is NULL.
    pub fn value(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.long()? {
            u32::MAX => Ok(None),
            length => self.bytes(usize::try_from(length).map_err(|_| Malformed::Length)?).map(Some),
        }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The body must end here.
    pub fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Long) }
    }
}

/// Writes a message whose body is written by `body`.
pub fn message(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    // What the gateway says itself is far below the four gigabytes that a length can tell.
    let length = u32::try_from(out.len().saturating_sub(start)).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *place = length.to_be_bytes();
    }
}

/// Writes a text and the zero byte that ends it. A zero byte within would end it early, so it ends there.
pub fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text.iter().copied().take_while(|byte| *byte != 0));
    out.push(0);
}
