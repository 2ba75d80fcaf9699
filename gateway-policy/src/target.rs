//! Which named target a destination is, and which names an agent may look up to get there.
//!
//! A destination that is no target is refused, so everything here fails towards no. Order never
//! matters: neither of targets, nor of hosts, nor of the names an agent asked for.

mod host;
mod matching;
#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

pub use host::{HostError, HostName, TargetHost, canonical};
pub use matching::{AskedName, NoMatch, dns_name_allowed, match_target};

/// Something that policy calls by a name: a database, a host, an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub protocol: Protocol,
    pub hosts: Vec<TargetHost>,
    pub ports: Vec<u16>,
}

/// What is spoken with a target. Closed on purpose: a new protocol asks for attention wherever this is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Opaque bytes, relayed and not understood.
    Tcp,
    /// PostgreSQL, where every command is understood.
    Postgres,
}

impl Protocol {
    pub const ALL: [Self; 2] = [Self::Postgres, Self::Tcp];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Postgres => "postgres",
        }
    }
}

/// The name of a target as policy, records and `status` write it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TargetName(String);

impl TargetName {
    pub fn parse(text: &str) -> Option<Self> {
        is_policy_name(text).then(|| Self(text.to_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names of agents and targets: 1 to 63 lower-case letters, digits and `-`.
pub fn is_policy_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
