//! Leave to connect: given, lengthened, ended, and locked away.

use serde::{Deserialize, Serialize};

use crate::control::Asker;

/// Leave that ends at a time, or was asked for. It is written before anybody may connect by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseGiven {
    pub lease: String,
    pub agent: String,
    pub person: Option<String>,
    pub target: String,
    /// `None`: any.
    pub database: Option<String>,
    pub purpose: Option<String>,
    /// RFC 3339 in UTC. `None`: as long as it has sessions.
    pub until: Option<String>,
    pub sessions: Option<u32>,
    pub rules: Vec<String>,
    /// Who asked for it ahead.
    pub by: Option<Asker>,
}

/// Its end moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseExtended {
    pub lease: String,
    pub agent: String,
    pub target: String,
    pub until: String,
    pub by: Asker,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseEnded {
    pub lease: String,
    pub agent: String,
    pub target: String,
    pub why: LeaseEnd,
    pub by: Option<Asker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseEnd {
    /// Its time was over.
    Expired,
    /// Somebody took it back.
    Revoked,
    /// Somebody ended everything that it was about.
    Killed,
    /// Its last session is over, and it had no time of its own.
    Unused,
}

/// Somebody shut new connections out, or let them in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockChanged {
    /// What is shut: `all`, `agent coder`, `target orders`, `person a@example.com`.
    pub scope: String,
    pub why: Option<String>,
    pub by: Asker,
}
