//! The keys that a provider publishes (RFC 7517). A key that could be used in more than one way, or for anything but
//! verifying, is not used at all.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use super::Algorithm;
use super::json::{JsonError, Value};

/// No provider has so many.
const MOST_KEYS: usize = 64;
/// Bytes of an RSA modulus: 2048 to 8192 bits.
const MODULUS: core::ops::RangeInclusive<usize> = 256..=1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeysError {
    #[error("it cannot be read: {0}")]
    Json(#[from] JsonError),
    #[error("it has no list of keys")]
    NoList,
    #[error("it has more keys than any provider has")]
    TooMany,
}

/// A key that signatures are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub name: Option<String>,
    /// If the provider says for which algorithm it is.
    pub algorithm: Option<Algorithm>,
    pub material: Material,
}

/// The numbers of a key, in base64 as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    Rsa { n: String, e: String },
    P256 { x: String, y: String },
    P384 { x: String, y: String },
    Ed25519 { x: String },
}

impl PublicKey {
    /// Whether a signature of this kind may be verified with it.
    pub fn suits(&self, algorithm: Algorithm) -> bool {
        let of_its_kind = matches!(
            (&self.material, algorithm),
            (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
                | (Material::P256 { .. }, Algorithm::Es256)
                | (Material::P384 { .. }, Algorithm::Es384)
                | (Material::Ed25519 { .. }, Algorithm::EdDsa)
        );
        of_its_kind && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

/// The keys of a document that are of use. One that is of another kind, or malformed, spoils no other.
pub fn read(document: &str) -> Result<Vec<PublicKey>, KeysError> {
    let document = Value::read(document)?;
    let Some(Value::List(keys)) = document.get("keys") else { return Err(KeysError::NoList) };
    if keys.len() > MOST_KEYS {
        return Err(KeysError::TooMany);
    }
    Ok(keys.iter().filter_map(key).collect())
}

fn key(value: &Value) -> Option<PublicKey> {
    // A provider that tells the private half has lost it.
    let is_private = ["d", "p", "q", "k"].iter().any(|name| value.get(name).is_some());
    let is_for_signatures = value.get("use").is_none_or(|it| it.text() == Some("sig"));
    let verifies = value.get("key_ops").is_none_or(|it| it.texts().is_some_and(|it| it.contains(&"verify")));
    if is_private || !is_for_signatures || !verifies {
        return None;
    }
    let algorithm = match value.get("alg") {
        None => None,
        Some(named) => Some(Algorithm::named(named.text()?)?),
    };
    let name = match value.get("kid") {
        None => None,
        Some(name) => Some(name.text()?.to_string()),
    };
    let number = |name: &str, length: core::ops::RangeInclusive<usize>| {
        let text = value.get(name)?.text()?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        length.contains(&bytes.len()).then(|| text.to_string())
    };
    let material = match (value.get("kty")?.text()?, value.get("crv").and_then(Value::text)) {
        ("RSA", None) => Material::Rsa { n: number("n", MODULUS)?, e: number("e", 1..=8)? },
        ("EC", Some("P-256")) => Material::P256 { x: number("x", 32..=32)?, y: number("y", 32..=32)? },
        ("EC", Some("P-384")) => Material::P384 { x: number("x", 48..=48)?, y: number("y", 48..=48)? },
        ("OKP", Some("Ed25519")) => Material::Ed25519 { x: number("x", 32..=32)? },
        _ => return None,
    };
    Some(PublicKey { name, algorithm, material })
}
