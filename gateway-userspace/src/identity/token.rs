//! A token as it came: a secret that is shown to nobody and does not outlive its use.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// It has no `Debug`, and no way to be written anywhere.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token in a file, a variable or a password, without the space round it. `None`: it is no text, or empty.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        let text = std::str::from_utf8(&bytes).ok()?.trim();
        (!text.is_empty()).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether somebody meant a token, and not a password that drivers send.
    pub fn looks_like_one(&self) -> bool {
        self.0.starts_with("eyJ") && self.0.bytes().filter(|byte| *byte == b'.').count() >= 2
    }

    /// Tells one token from another without keeping either.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}
