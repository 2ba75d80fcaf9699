//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), both sides, as PostgreSQL speaks them.
//!
//! Nothing here makes a random number: nonces and salts are handed in. The costly part, from a password to its
//! [`Keys`], stands alone, so that whoever logs in often keeps the keys.

mod client;
mod message;
mod server;
#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use client::{Answer, Challenge, Client, Proved};
pub use server::{Awaiting, Server};

/// What a server that is not told otherwise has its clients do.
pub const USUAL_ITERATIONS: u32 = 4096;
/// More than any server is set to, and about a second of work: the bound of what a server can make us do.
pub const MAX_ITERATIONS: u32 = 1_000_000;
/// Longer messages are not read.
pub const MAX_MESSAGE: usize = 4096;

const KEY: usize = 32;
const BLOCK: usize = 64;

/// The names by which SASL knows the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    /// Bound to the TLS connection that it is spoken through.
    Plus,
}

impl Mechanism {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "SCRAM-SHA-256",
            Self::Plus => "SCRAM-SHA-256-PLUS",
        }
    }

    pub fn named(name: &[u8]) -> Option<Self> {
        [Self::Plain, Self::Plus].into_iter().find(|known| known.name().as_bytes() == name)
    }
}

/// How an exchange failed. None of these carries anything of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScramError {
    #[error("a SCRAM message has not the form that it should have: {0}")]
    Malformed(&'static str),
    #[error("{0} iterations are asked for; between 1 and {MAX_ITERATIONS} are done")]
    Iterations(u32),
    #[error("the other side's nonce does not continue ours")]
    Nonce,
    #[error("the channel binding is not that of this connection")]
    Binding,
    #[error("the other side proposes a channel binding that was not agreed on")]
    Downgrade,
    #[error("the proof is not that of the password")]
    WrongProof,
    #[error("the server does not know the password either, so it is not the server that it claims to be")]
    WrongServer,
    #[error("the server ended the exchange with an error")]
    ServerSaidNo,
}

/// What a password comes to for one salt and one number of iterations. With these a login takes microseconds.
///
/// They are as good as the password, so there is no `Debug`.
#[allow(missing_debug_implementations)]
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Keys {
    client: [u8; KEY],
    server: [u8; KEY],
}

impl Keys {
    /// The slow way, from a password.
    pub fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Result<Self, ScramError> {
        check_iterations(iterations)?;
        let prepared = Zeroizing::new(prepared(password).into_owned());
        let salted = Zeroizing::new(pbkdf2::pbkdf2_hmac_array::<Sha256, KEY>(&prepared, salt, iterations));
        Ok(Self { client: hmac(&salted, &[b"Client Key"]), server: hmac(&salted, &[b"Server Key"]) })
    }

    /// Keys of no password at all, from random bytes. A login whose verifier is made of them can be used by
    /// whoever holds them, and by nobody who guesses passwords.
    pub fn without_password(client: [u8; KEY], server: [u8; KEY]) -> Self {
        Self { client, server }
    }

    fn stored(&self) -> [u8; KEY] {
        Sha256::digest(self.client).into()
    }
}

/// What a server keeps instead of a password.
#[allow(missing_debug_implementations)]
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Verifier {
    iterations: u32,
    salt: Vec<u8>,
    stored: [u8; KEY],
    server: [u8; KEY],
}

impl Verifier {
    pub fn new(keys: &Keys, salt: &[u8], iterations: u32) -> Self {
        Self { iterations, salt: salt.to_vec(), stored: keys.stored(), server: keys.server }
    }

    /// As PostgreSQL stores it, and takes it in `CREATE ROLE … PASSWORD`.
    pub fn text(&self) -> Zeroizing<String> {
        let (iterations, salt) = (self.iterations, STANDARD.encode(&self.salt));
        let (stored, server) = (STANDARD.encode(self.stored), STANDARD.encode(self.server));
        Zeroizing::new(format!("SCRAM-SHA-256${iterations}:{salt}${stored}:{server}"))
    }

    /// Reads what [`Verifier::text`] writes.
    pub fn parse(text: &str) -> Result<Self, ScramError> {
        const FORM: ScramError = ScramError::Malformed("a verifier is SCRAM-SHA-256$N:SALT$STORED:SERVER");
        let rest = text.strip_prefix("SCRAM-SHA-256$").ok_or(FORM)?;
        let (effort, keys) = rest.split_once('$').ok_or(FORM)?;
        let (iterations, salt) = effort.split_once(':').ok_or(FORM)?;
        let (stored, server) = keys.split_once(':').ok_or(FORM)?;
        let iterations = iterations.parse().map_err(|_| FORM)?;
        check_iterations(iterations)?;
        let key = |text: &str| STANDARD.decode(text).ok().and_then(|key| key.try_into().ok()).ok_or(FORM);
        let salt = STANDARD.decode(salt).map_err(|_| FORM)?;
        Ok(Self { iterations, salt, stored: key(stored)?, server: key(server)? })
    }
}

/// SASLprep, where it can be applied; a password that it does not allow counts as the bytes it is, as it does for
/// PostgreSQL.
fn prepared(password: &[u8]) -> Cow<'_, [u8]> {
    let prepared = core::str::from_utf8(password).ok().and_then(|text| stringprep::saslprep(text).ok());
    match prepared {
        Some(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
        Some(Cow::Owned(text)) if !text.is_empty() => Cow::Owned(text.into_bytes()),
        Some(Cow::Owned(_)) | None => Cow::Borrowed(password),
    }
}

fn check_iterations(iterations: u32) -> Result<(), ScramError> {
    if (1..=MAX_ITERATIONS).contains(&iterations) { Ok(()) } else { Err(ScramError::Iterations(iterations)) }
}

fn hmac(key: &[u8; KEY], parts: &[&[u8]]) -> [u8; KEY] {
    // A key shorter than a block counts as filled up with zeros.
    let mut block = Zeroizing::new([0; BLOCK]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn xor(mut left: [u8; KEY], right: &[u8; KEY]) -> [u8; KEY] {
    for (left, right) in left.iter_mut().zip(right) {
        *left ^= right;
    }
    left
}
