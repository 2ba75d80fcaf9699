//! The first message of a connection (PostgreSQL protocol, Message Formats: StartupMessage and its siblings).
//!
//! It has no type byte: a length, then a code that is either a version or one of three requests. What the values
//! mean for a login is left to others; here they are only read, whole and bounded.

mod parameters;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

pub use parameters::Replication;

/// The longest first message, length included. PostgreSQL's own servers take no longer one.
pub const LONGEST: usize = 10_000;
/// A first byte that no first message of PostgreSQL has and every TLS handshake has.
pub const TLS_HANDSHAKE: u8 = 0x16;

const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
/// Length and code.
const HEAD: usize = 8;

/// What a connection can begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// SSLRequest: is TLS spoken here?
    Tls,
    /// GSSENCRequest: is GSSAPI encryption spoken here?
    Gss,
    /// CancelRequest: the query of another connection is to stop.
    Cancel(CancelKey),
    Startup(Startup),
}

/// How far a first message can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// It takes this many bytes.
    Whole { opening: Opening, length: usize },
    /// So many bytes have to be there before it can be said more.
    Needs(usize),
}

/// Why something is no first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("its length is impossible")]
    Length,
    #[error("it is for another protocol")]
    Version(Version),
    #[error("its parameters are cut short or go on behind their end")]
    Parameters,
    #[error("a parameter is given twice")]
    Twice,
    #[error("a parameter is no UTF-8 text")]
    Text,
    #[error("it names nobody")]
    Nobody,
    #[error("it does not say clearly whether this is replication")]
    Replication,
}

/// Reads what the bytes begin with.
pub fn read(bytes: &[u8]) -> Result<Read, Malformed> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(Read::Needs(HEAD)) };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Malformed::Length)?;
    if !(HEAD..=LONGEST).contains(&length) {
        return Err(Malformed::Length);
    }
    let Some((code, rest)) = rest.split_first_chunk() else { return Ok(Read::Needs(HEAD)) };
    let code = u32::from_be_bytes(*code);
    let Some(body) = rest.get(..length - HEAD) else { return Ok(Read::Needs(length)) };
    let opening = match code {
        TLS => nothing_in(body, Opening::Tls)?,
        GSS => nothing_in(body, Opening::Gss)?,
        CANCEL => Opening::Cancel(cancel(body).ok_or(Malformed::Length)?),
        version => Opening::Startup(startup(Version::from(version), body)?),
    };
    Ok(Read::Whole { opening, length })
}

fn nothing_in(body: &[u8], opening: Opening) -> Result<Opening, Malformed> {
    if body.is_empty() { Ok(opening) } else { Err(Malformed::Length) }
}

fn cancel(body: &[u8]) -> Option<CancelKey> {
    let (process, secret) = body.split_first_chunk()?;
    CancelKey::new(u32::from_be_bytes(*process), secret)
}

fn startup(version: Version, body: &[u8]) -> Result<Startup, Malformed> {
    if version.major != Version::V3_0.major {
        return Err(Malformed::Version(version));
    }
    parameters::read(version, body)
}

/// Who wants to log in, and how it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    /// As it was asked for. What is spoken is [`Version::settled`].
    pub version: Version,
    pub user: String,
    /// Without one of its own, the user's name.
    pub database: String,
    pub replication: Replication,
    /// All others, in their order.
    pub parameters: Vec<(String, String)>,
    /// Options of the protocol itself (`_pq_.…`). None is known here.
    pub options: Vec<String>,
}

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
}

impl Version {
    pub const V3_0: Self = Self { major: 3, minor: 0 };
    pub const V3_2: Self = Self { major: 3, minor: 2 };

    /// What is spoken with somebody who asks for this version. There never was a 3.1.
    pub fn settled(self) -> Self {
        if self < Self::V3_2 { Self::V3_0 } else { Self::V3_2 }
    }

    /// How many bytes the secret of a cancel key has.
    pub fn secret_length(self) -> usize {
        if self < Self::V3_2 { 4 } else { 32 }
    }
}

impl From<u32> for Version {
    fn from(code: u32) -> Self {
        let [a, b, c, d] = code.to_be_bytes();
        Self { major: u16::from_be_bytes([a, b]), minor: u16::from_be_bytes([c, d]) }
    }
}

impl From<Version> for u32 {
    fn from(version: Version) -> Self {
        Self::from(version.major) << 16 | Self::from(version.minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What lets somebody cancel the query of a connection (BackendKeyData, CancelRequest).
#[derive(Clone, PartialEq, Eq)]
pub struct CancelKey {
    pub process: u32,
    secret: Zeroizing<Vec<u8>>,
}

impl CancelKey {
    /// A secret has four bytes up to protocol 3.0, and up to 256 from 3.2 on.
    pub fn new(process: u32, secret: &[u8]) -> Option<Self> {
        let secret = Zeroizing::new(secret.to_vec());
        (4..=256).contains(&secret.len()).then_some(Self { process, secret })
    }

    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The CancelRequest with this key.
    pub fn request(&self) -> Zeroizing<Vec<u8>> {
        let length = HEAD + 4 + self.secret.len();
        let mut message = Zeroizing::new(Vec::with_capacity(length));
        // A secret has at most 256 bytes.
        message.extend_from_slice(&(length as u32).to_be_bytes());
        message.extend_from_slice(&CANCEL.to_be_bytes());
        message.extend_from_slice(&self.process.to_be_bytes());
        message.extend_from_slice(&self.secret);
        message
    }
}

/// The secret is for the one who holds it, not for logs.
impl fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelKey").field("process", &self.process).finish_non_exhaustive()
    }
}
