//! What proves a login, and the keys of passwords that were derived once already.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_protocols::postgres::login::LoginError;
use gateway_protocols::postgres::scram::Keys;
use zeroize::Zeroizing;

use crate::tls::target::ClientCertificate;

/// As many as a target has servers with salts of their own.
const MOST_KEPT: usize = 8;

/// What a server may be shown. A server asks for one of them.
#[derive(Clone, Default)]
pub struct Proof {
    pub(super) password: Option<Password>,
    /// Of a login that has no password.
    pub(super) keys: Option<Keys>,
    pub(super) certificate: Option<ClientCertificate>,
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").finish_non_exhaustive()
    }
}

impl Proof {
    pub fn password(&self) -> Option<&[u8]> {
        self.password.as_ref().map(|password| password.secret.as_slice())
    }

    pub fn certificate(&self) -> Option<&ClientCertificate> {
        self.certificate.as_ref()
    }

    /// The keys of SCRAM for what the server asks.
    pub async fn keys(&self, salt: Vec<u8>, iterations: u32) -> Result<Keys, LoginError> {
        match (&self.keys, &self.password) {
            (Some(keys), _) => Ok(keys.clone()),
            (None, Some(password)) => password.keys(salt, iterations).await,
            (None, None) => Err(LoginError::NoPassword),
        }
    }

    /// A session that is open needs no proof any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// A password, beside what it came to before.
#[derive(Clone)]
pub struct Password {
    secret: Zeroizing<Vec<u8>>,
    known: KnownKeys,
}

impl Password {
    pub fn new(secret: Zeroizing<Vec<u8>>, known: KnownKeys) -> Self {
        Self { secret, known }
    }

    /// A password is worked on once for each salt. That takes milliseconds, which no other session waits for.
    async fn keys(&self, salt: Vec<u8>, iterations: u32) -> Result<Keys, LoginError> {
        if let Some(keys) = self.known.find(&self.secret, &salt, iterations) {
            return Ok(keys);
        }
        let (secret, known) = (self.secret.clone(), self.known.clone());
        let derived = tokio::task::spawn_blocking(move || {
            let keys = Keys::derive(&secret, &salt, iterations)?;
            known.keep(Entry { secret, salt, iterations, keys: keys.clone() });
            Ok(keys)
        });
        derived.await.unwrap_or(Err(LoginError::NoPassword))
    }
}

/// The keys of one login at all servers of its target.
#[derive(Clone, Default)]
pub struct KnownKeys(Arc<Mutex<VecDeque<Entry>>>);

impl fmt::Debug for KnownKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownKeys").finish_non_exhaustive()
    }
}

struct Entry {
    secret: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
    iterations: u32,
    keys: Keys,
}

impl KnownKeys {
    fn find(&self, secret: &[u8], salt: &[u8], iterations: u32) -> Option<Keys> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |entry: &&Entry| {
            entry.iterations == iterations && entry.salt == salt && entry.secret.as_slice() == secret
        };
        known.iter().find(fits).map(|entry| entry.keys.clone())
    }

    fn keep(&self, entry: Entry) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.push_front(entry);
        known.truncate(MOST_KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(secret: &[u8], known: &KnownKeys) -> Password {
        Password::new(Zeroizing::new(secret.to_vec()), known.clone())
    }

    #[tokio::test]
    async fn a_password_is_worked_on_once() {
        let known = KnownKeys::default();
        let first = password(b"pw", &known).keys(b"salt".to_vec(), 4096).await.ok();
        let again = known.find(b"pw", b"salt", 4096);
        assert!(first.is_some() && first == again);
        assert!(known.find(b"pw", b"other", 4096).is_none());
        assert!(known.find(b"other", b"salt", 4096).is_none());
        assert!(known.find(b"pw", b"salt", 4097).is_none());
    }

    #[tokio::test]
    async fn only_so_many_keys_are_kept() {
        let known = KnownKeys::default();
        for salt in 0..=MOST_KEPT as u8 {
            password(b"pw", &known).keys(vec![salt], 1).await.ok();
        }
        assert!(known.find(b"pw", &[0], 1).is_none());
        assert!(known.find(b"pw", &[1], 1).is_some());
    }

    #[tokio::test]
    async fn a_session_that_is_open_has_no_proof_left() {
        let mut proof = Proof { password: Some(password(b"pw", &KnownKeys::default())), ..Proof::default() };
        proof.forget();
        assert!(proof.password().is_none());
        assert!(matches!(proof.keys(vec![1], 1).await, Err(LoginError::NoPassword)));
    }
}
