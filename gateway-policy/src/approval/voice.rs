//! Who may answer, as a rule writes it: `person:ada`, `group:dba`, `unix:wheel`, or `*`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use super::Approver;

/// Somebody whose word counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voice {
    /// Everybody who may answer at all.
    Anyone,
    Person(String),
    /// A group of the identity provider.
    Group(String),
    /// A group of the host.
    UnixGroup(String),
}

/// Why a text names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoiceError;

impl fmt::Display for VoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it names neither a person nor a group")
    }
}

impl core::error::Error for VoiceError {}

impl Voice {
    pub fn parse(text: &str) -> Result<Self, VoiceError> {
        if text == "*" {
            return Ok(Self::Anyone);
        }
        match text.split_once(':') {
            Some((_, "")) => Err(VoiceError),
            Some(("person", name)) => Ok(Self::Person(name.to_owned())),
            Some(("group", name)) => Ok(Self::Group(name.to_owned())),
            Some(("unix", name)) => Ok(Self::UnixGroup(name.to_owned())),
            _ => Err(VoiceError),
        }
    }

    pub(super) fn is_of(&self, approver: &Approver) -> bool {
        match self {
            Self::Anyone => true,
            Self::Person(name) => *name == approver.person,
            Self::Group(name) => approver.groups.contains(name),
            Self::UnixGroup(name) => approver.unix_groups.contains(name),
        }
    }
}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("*"),
            Self::Person(name) => write!(f, "person:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::UnixGroup(name) => write!(f, "unix:{name}"),
        }
    }
}
