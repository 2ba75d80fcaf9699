//! A token taken apart (RFC 7515, compact serialization), before its signature is looked at.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use super::Algorithm;
use super::json::{JsonError, Value};

/// What a header may not have, since it would have the reader take a key, a rule or a reading from the token itself.
const FORBIDDEN: [&str; 9] = ["jku", "x5u", "jwk", "x5c", "crit", "b64", "zip", "enc", "epk"];
/// A key's name is for looking it up and for nothing else.
const LONGEST_KEY_NAME: usize = 256;

/// Why a text is no token that can be looked at further. Nothing of the token is in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("it is longer than a token may be")]
    TooLong,
    #[error("it does not have the three parts of a signed token")]
    Parts,
    #[error("a part of it is not encoded as tokens are")]
    Encoding,
    #[error("a part of it cannot be read: {0}")]
    Json(#[from] JsonError),
    #[error("its header has \"{0}\", which is never accepted")]
    Forbidden(&'static str),
    #[error("its header has a \"{0}\" that is none")]
    Header(&'static str),
    #[error("it is signed in a way that is not accepted")]
    Algorithm,
    #[error("its signature is none")]
    Signature,
}

/// What a token says, which nobody has vouched for.
#[derive(Debug)]
pub struct Unverified<'a> {
    pub algorithm: Algorithm,
    pub key: Option<String>,
    /// In lower case and without `application/`.
    pub kind: Option<String>,
    pub claims: Value,
    /// What the signature is over.
    pub signed: &'a str,
    /// As it is written.
    pub signature: &'a str,
}

impl<'a> Unverified<'a> {
    pub fn read(text: &'a str, longest: usize) -> Result<Self, TokenError> {
        if text.len() > longest {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenError::Parts)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Parts)?;
        if claims.contains('.') || header.is_empty() || claims.is_empty() {
            return Err(TokenError::Parts);
        }
        let header = Header::read(&object(header)?)?;
        let claims = object(claims)?;
        is_a_signature(&decoded(signature)?, header.algorithm)?;
        let Header { algorithm, key, kind } = header;
        Ok(Self { algorithm, key, kind, claims, signed, signature })
    }
}

struct Header {
    algorithm: Algorithm,
    key: Option<String>,
    kind: Option<String>,
}

impl Header {
    fn read(header: &Value) -> Result<Self, TokenError> {
        if let Some(name) = FORBIDDEN.into_iter().find(|name| header.get(name).is_some()) {
            return Err(TokenError::Forbidden(name));
        }
        // A token within a token would be read by whoever comes next.
        if header.get("cty").is_some() {
            return Err(TokenError::Forbidden("cty"));
        }
        let algorithm = header.get("alg").and_then(Value::text).and_then(Algorithm::named);
        let kind = text(header, "typ")?.map(str::to_ascii_lowercase);
        let kind = kind.map(|kind| kind.strip_prefix("application/").unwrap_or(&kind).to_string());
        let key = text(header, "kid")?.map(ToString::to_string);
        if key.as_ref().is_some_and(|key| key.len() > LONGEST_KEY_NAME) {
            return Err(TokenError::Header("kid"));
        }
        Ok(Self { algorithm: algorithm.ok_or(TokenError::Algorithm)?, key, kind })
    }
}

fn text<'a>(header: &'a Value, name: &'static str) -> Result<Option<&'a str>, TokenError> {
    match header.get(name) {
        None => Ok(None),
        Some(value) => value.text().map(Some).ok_or(TokenError::Header(name)),
    }
}

fn object(part: &str) -> Result<Value, TokenError> {
    let text = String::from_utf8(decoded(part)?).map_err(|_| TokenError::Encoding)?;
    match Value::read(&text)? {
        object @ Value::Object(_) => Ok(object),
        _ => Err(TokenError::Json(JsonError::Malformed)),
    }
}

/// Each content has one spelling: no padding, no stray bits, no other alphabet.
fn decoded(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Encoding)
}

/// Of the right length, and of two numbers that are numbers: with zeroes for a signature some verifiers have been
/// content with anything.
fn is_a_signature(signature: &[u8], algorithm: Algorithm) -> Result<(), TokenError> {
    let is_zero = |half: &[u8]| half.iter().all(|byte| *byte == 0);
    let is_one = match algorithm.half() {
        Some(half) => signature.len() == 2 * half && !signature.chunks(half).any(is_zero),
        None if algorithm == Algorithm::EdDsa => signature.len() == 64 && !is_zero(signature),
        None => (256..=1024).contains(&signature.len()) && !is_zero(signature),
    };
    if is_one { Ok(()) } else { Err(TokenError::Signature) }
}
