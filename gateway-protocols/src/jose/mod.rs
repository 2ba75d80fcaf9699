//! Signed identity tokens (RFC 7519, RFC 7515) and the documents that say with which keys they are signed (RFC 7517,
//! OpenID Connect Discovery), read strictly before anything in them is believed.
//!
//! `json.rs` reads what can be read in one way only, `token.rs` takes a token apart, `keys.rs` and `discovery.rs` read
//! what a provider publishes, `claims.rs` says whether what a token says is meant for us, now. Nothing here verifies a
//! signature, fetches anything or knows the time; that is the caller's.

pub mod claims;
pub mod discovery;
pub mod json;
pub mod keys;
#[cfg(test)]
mod tests;
pub mod token;

use core::fmt;

/// How a token may be signed. There are no others, and none with a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Es256,
    Es384,
    Rs256,
    Ps256,
    EdDsa,
}

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Es256, Self::Es384, Self::Rs256, Self::Ps256, Self::EdDsa];

    /// As tokens and keys write it (RFC 7518, RFC 8037).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// How long each half of a signature is that consists of two numbers.
    pub(crate) const fn half(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            Self::Rs256 | Self::Ps256 | Self::EdDsa => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
