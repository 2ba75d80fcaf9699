//! The four messages of an exchange, taken apart. RFC 5802, Formal Syntax.

use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KEY, MAX_MESSAGE, ScramError};

/// What a client says about channel binding before anything else (`gs2-header`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// `n`: it cannot.
    Cannot,
    /// `y`: it can, and believes that the server cannot.
    Could,
    /// `p=tls-server-end-point`.
    Bound,
}

impl Flag {
    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::Cannot => "n,,",
            Self::Could => "y,,",
            Self::Bound => "p=tls-server-end-point,,",
        }
    }
}

pub(super) struct ClientFirst<'a> {
    pub(super) flag: Flag,
    /// What is signed of it.
    pub(super) bare: &'a str,
    pub(super) nonce: &'a str,
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ScramError> {
        let text = text(message)?;
        let flag = [Flag::Cannot, Flag::Could, Flag::Bound]
            .into_iter()
            .find(|flag| text.starts_with(flag.header()))
            .ok_or(ScramError::Malformed("the channel binding flag is none that is known here"))?;
        let bare = text.strip_prefix(flag.header()).unwrap_or_default();
        let mut attributes = bare.split(',');
        // PostgreSQL knows the name from the startup message and reads over this one.
        attribute(attributes.next(), 'n')?;
        let nonce = nonce(attribute(attributes.next(), 'r')?)?;
        Ok(Self { flag, bare, nonce })
    }
}

pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ScramError> {
        let mut attributes = text(message)?.split(',');
        let nonce = nonce(attribute(attributes.next(), 'r')?)?;
        let salt = decoded(attribute(attributes.next(), 's')?)?;
        let iterations = attribute(attributes.next(), 'i')?;
        let iterations = iterations.parse().map_err(|_| ScramError::Malformed("iterations are no number"))?;
        Ok(Self { nonce, salt, iterations })
    }
}

pub(super) struct ClientFinal<'a> {
    /// What is signed of it.
    pub(super) without_proof: &'a str,
    pub(super) binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: [u8; KEY],
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ScramError> {
        let text = text(message)?;
        let (without_proof, proof) =
            text.rsplit_once(",p=").ok_or(ScramError::Malformed("there is no proof"))?;
        let mut attributes = without_proof.split(',');
        let binding = decoded(attribute(attributes.next(), 'c')?)?;
        let nonce = nonce(attribute(attributes.next(), 'r')?)?;
        Ok(Self { without_proof, binding, nonce, proof: key(proof)? })
    }
}

/// The server's signature, with which it proves that it knows the verifier.
pub(super) fn server_final(message: &[u8]) -> Result<[u8; KEY], ScramError> {
    let text = text(message)?;
    if text.starts_with("e=") {
        return Err(ScramError::ServerSaidNo);
    }
    key(attribute(text.split(',').next(), 'v')?)
}

fn text(message: &[u8]) -> Result<&str, ScramError> {
    if message.len() > MAX_MESSAGE {
        return Err(ScramError::Malformed("it is too long"));
    }
    core::str::from_utf8(message).map_err(|_| ScramError::Malformed("it is no text"))
}

/// The value of `name=value`. Attributes have their order, and extensions that must be understood (`m=`) are none.
fn attribute(attribute: Option<&str>, name: char) -> Result<&str, ScramError> {
    attribute
        .and_then(|text| text.strip_prefix(name))
        .and_then(|text| text.strip_prefix('='))
        .ok_or(ScramError::Malformed("an attribute is missing or not in its place"))
}

fn nonce(text: &str) -> Result<&str, ScramError> {
    let printable = text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if printable && !text.is_empty() {
        Ok(text)
    } else {
        Err(ScramError::Malformed("the nonce is empty or not printable"))
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, ScramError> {
    STANDARD.decode(text).map_err(|_| ScramError::Malformed("it is no base64"))
}

fn key(text: &str) -> Result<[u8; KEY], ScramError> {
    decoded(text)?.try_into().map_err(|_| ScramError::Malformed("a key has not its length"))
}
