//! The connections that are being carried right now.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gateway_audit::event::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::relay::Pair;

/// One line of `postern status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiveConnection {
    pub connection: u64,
    pub agent: String,
    pub comm: String,
    pub pid: u32,
    pub target: String,
    pub original: SocketAddr,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub open_for_ms: u64,
    pub silent_for_ms: u64,
}

#[derive(Debug, Default)]
pub struct Live(Mutex<BTreeMap<u64, Entry>>);

#[derive(Debug)]
struct Entry {
    agent: String,
    comm: String,
    pid: u32,
    target: String,
    original: SocketAddr,
    since: Instant,
    pair: Arc<Pair>,
}

/// Keeps a connection on the list until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Listed<'a> {
    live: &'a Live,
    number: u64,
}

impl Live {
    pub fn list(&self, connection: &Connection, pair: &Arc<Pair>) -> Listed<'_> {
        let entry = Entry {
            agent: connection.who.agent.clone(),
            comm: connection.who.comm.clone(),
            pid: connection.who.tgid,
            target: connection.target.clone(),
            original: connection.original,
            since: Instant::now(),
            pair: Arc::clone(pair),
        };
        self.entries().insert(connection.connection, entry);
        Listed { live: self, number: connection.connection }
    }

    /// How many there are by agent.
    pub fn by_agent(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for entry in self.entries().values() {
            *counts.entry(entry.agent.clone()).or_default() += 1;
        }
        counts
    }

    /// The newest `most` of them.
    pub fn newest(&self, most: usize) -> Vec<LiveConnection> {
        self.entries().iter().rev().take(most).map(|(number, entry)| entry.line(*number)).collect()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn line(&self, connection: u64) -> LiveConnection {
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        LiveConnection {
            connection,
            agent: self.agent.clone(),
            comm: self.comm.clone(),
            pid: self.pid,
            target: self.target.clone(),
            original: self.original,
            sent_bytes: self.pair.sent(),
            received_bytes: self.pair.received(),
            open_for_ms: millis(self.since.elapsed()),
            silent_for_ms: millis(self.pair.silent_for()),
        }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.live.entries().remove(&self.number);
    }
}
