//! Cancels queries for agents.
//!
//! PostgreSQL cancels for whoever knows a number and a secret, over a connection of its own. An agent gets a number
//! and a secret of the gateway's; the target's stay here. Knowing them is not enough: the request must come from the
//! agent that they were given to.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_protocols::postgres::startup::{CancelKey, Version};
use subtle::ConstantTimeEq;

use crate::random;
use crate::relay::Bell;

/// Numbers that are tried before it is said that there is none left. With fewer sessions than the kernel has ports,
/// the first is nearly always free.
const TRIES: usize = 16;

/// The sessions whose queries can be cancelled.
#[derive(Debug, Default)]
pub struct Cancels {
    sessions: Mutex<HashMap<u32, Session>>,
}

#[derive(Debug)]
struct Session {
    agent: String,
    key: CancelKey,
    errand: Arc<Errand>,
}

/// Where a request to cancel goes, and what is said there.
#[derive(Debug)]
pub struct Errand {
    /// The connection whose query it is.
    pub connection: u64,
    pub target: String,
    pub address: SocketAddr,
    /// The target's own. A server may have given none.
    pub key: Option<CancelKey>,
    /// A command that waits for people is cancelled here: the target has not heard of it.
    pub bell: Arc<Bell>,
}

impl Cancels {
    /// Makes a key for an agent, which works for as long as what is returned is held.
    pub fn register(
        self: &Arc<Self>,
        agent: &str,
        version: Version,
        errand: Errand,
    ) -> io::Result<Registered> {
        let secret = random::bytes::<32>()?;
        let secret = secret.get(..version.secret_length()).unwrap_or(secret.as_slice());
        let errand = Arc::new(errand);
        for _ in 0..TRIES {
            // Positive, as process numbers are.
            let process = u32::from_be_bytes(*random::bytes()?) >> 1;
            let key = CancelKey::new(process, secret).ok_or(io::ErrorKind::InvalidInput)?;
            let mut sessions = self.sessions();
            if process != 0 && !sessions.contains_key(&process) {
                let session =
                    Session { agent: agent.to_owned(), key: key.clone(), errand: Arc::clone(&errand) };
                sessions.insert(process, session);
                return Ok(Registered { key, errand, cancels: Arc::clone(self) });
            }
        }
        Err(io::Error::other("no number is left for a session"))
    }

    /// What a request of this agent's is about; nothing if the key is not one of its own.
    pub fn find(&self, agent: &str, key: &CancelKey) -> Option<Arc<Errand>> {
        let sessions = self.sessions();
        let session = sessions.get(&key.process)?;
        let knows = bool::from(session.key.secret().ct_eq(key.secret()));
        (knows && session.agent == agent).then(|| Arc::clone(&session.errand))
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<u32, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key that works until this is dropped.
#[derive(Debug)]
pub struct Registered {
    pub key: CancelKey,
    pub errand: Arc<Errand>,
    cancels: Arc<Cancels>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.cancels.sessions().remove(&self.key.process);
    }
}
