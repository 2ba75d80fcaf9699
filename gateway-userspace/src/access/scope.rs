//! What a kill or a lock is about.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lease::Lease;
use super::seat::Place;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    All,
    Agent(String),
    Person(String),
    Target(String),
    /// The name of a session in the records, or the number of a connection.
    Session(String),
}

impl Scope {
    /// As it is kept: which sort, and which one.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::All => ("all", ""),
            Self::Agent(name) => ("agent", name),
            Self::Person(name) => ("person", name),
            Self::Target(name) => ("target", name),
            Self::Session(name) => ("session", name),
        }
    }

    pub fn from_parts(sort: &str, name: String) -> Option<Self> {
        match sort {
            "all" => Some(Self::All),
            "agent" => Some(Self::Agent(name)),
            "person" => Some(Self::Person(name)),
            "target" => Some(Self::Target(name)),
            _ => None,
        }
    }

    /// A session ends alone; its lease goes on.
    pub(super) fn has_lease(&self, lease: &Lease) -> bool {
        match self {
            Self::All => true,
            Self::Agent(name) => *name == lease.agent,
            Self::Person(name) => lease.person.as_ref() == Some(name),
            Self::Target(name) => *name == lease.target,
            Self::Session(_) => false,
        }
    }

    pub(super) fn has_place(&self, number: u64, place: &Place) -> bool {
        match self {
            Self::Session(name) => place.session.as_ref() == Some(name) || *name == number.to_string(),
            Self::All | Self::Agent(_) | Self::Person(_) | Self::Target(_) => {
                self.shuts(&place.agent, place.person.as_deref(), &place.target)
            }
        }
    }

    /// Whether a lock of this scope keeps such a connection out.
    pub fn shuts(&self, agent: &str, person: Option<&str>, target: &str) -> bool {
        match self {
            Self::All => true,
            Self::Agent(name) => name == agent,
            Self::Person(name) => person == Some(name),
            Self::Target(name) => name == target,
            Self::Session(_) => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (sort, "") => f.write_str(sort),
            (sort, name) => write!(f, "{sort} {name}"),
        }
    }
}
