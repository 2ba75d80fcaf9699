//! The passwords that agents' drivers insist on sending. They prove nothing to anybody but this gate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_protocols::postgres::scram::{Keys, ScramError, USUAL_ITERATIONS, Verifier};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::config::SecretReference;
use crate::credentials::{SecretError, read_secret};
use crate::random;

/// Verifiers that are kept. Beyond them, each login takes the milliseconds that make guessing slow.
const KEPT: usize = 1024;

#[derive(Debug, thiserror::Error)]
pub enum PlaceholderError {
    #[error("cannot read the agent's placeholder")]
    Secret(#[from] SecretError),
    #[error("the agent's placeholder cannot be used")]
    Unusable(#[from] ScramError),
    #[error("there is no randomness")]
    Random(#[from] std::io::Error),
}

/// What logins are checked against, by what the secret was when it was worked out.
pub struct Placeholders {
    salt: Zeroizing<[u8; 16]>,
    known: Mutex<HashMap<[u8; 32], Arc<Verifier>>>,
}

impl Placeholders {
    pub fn new() -> Result<Self, PlaceholderError> {
        Ok(Self { salt: random::bytes()?, known: Mutex::default() })
    }

    /// The secret is read each time, so that a new one holds for the next login.
    pub async fn verifier(&self, reference: &SecretReference) -> Result<Arc<Verifier>, PlaceholderError> {
        let secret = read_secret(reference).await?;
        let digest = Sha256::new().chain_update(*self.salt).chain_update(&*secret).finalize().into();
        if let Some(verifier) = self.known().get(&digest) {
            return Ok(Arc::clone(verifier));
        }
        let keys = Keys::derive(&secret, &*self.salt, USUAL_ITERATIONS)?;
        let verifier = Arc::new(Verifier::new(&keys, &*self.salt, USUAL_ITERATIONS));
        let mut known = self.known();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(digest, Arc::clone(&verifier));
        Ok(verifier)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Arc<Verifier>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing of a secret is shown, not even how many there are.
impl std::fmt::Debug for Placeholders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Placeholders").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_placeholder_that_was_changed_holds_for_the_next_login() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).expect("a mode");
        let (placeholders, place) =
            (Placeholders::new().expect("some"), SecretReference::File(file.path().into()));
        let verifier = async |secret: &str| {
            std::fs::write(file.path(), secret).expect("written");
            placeholders.verifier(&place).await.expect("a verifier")
        };
        let first = verifier("one").await;
        assert!(Arc::ptr_eq(&first, &verifier("one").await));
        let second = verifier("two").await;
        assert!(first.text() != second.text());
    }
}
