//! What records say about files of records: how each begins, where it stands, and what happened to it.

use serde::{Deserialize, Serialize};

use crate::chain::{Chain, Hash};

/// The first record of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileBegan {
    /// The version of the format.
    pub format: u32,
    /// The name of the host.
    pub host: String,
    /// Of the gateway that writes it.
    pub version: String,
    pub of: FileOf,
    /// The id of the key that checkpoints are signed with now.
    pub key: String,
}

/// What a file is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOf {
    /// The chain of the whole host goes on here.
    Host,
    /// This session has a chain of its own.
    Session(String),
}

/// A session is about to have a file. It is written to the host's chain before there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionBegan {
    pub session: String,
    pub connection: u64,
    pub agent: String,
    pub target: String,
    /// Below the folder of records.
    pub file: String,
}

/// A session's file is complete: nothing is added to it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSealed {
    pub session: String,
    pub file: String,
    #[serde(flatten)]
    pub chain: Chain,
}

/// Where sessions stand that have moved since this was said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsStand {
    pub sessions: Vec<SessionStands>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStands {
    pub session: String,
    #[serde(flatten)]
    pub chain: Chain,
}

/// A session's file was deleted as it had been kept for long enough. What is known of it stays: its seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRemoved {
    pub session: String,
    pub file: String,
    #[serde(flatten)]
    pub chain: Chain,
    pub why: String,
}

/// A signed note about all records of the host's chain before this one. See `checkpoint.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedState {
    pub note: String,
}

/// A file was compressed. It has the same records under a name that ends in `.zst`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The new name.
    pub file: String,
    /// Of the compressed file.
    pub sha256: Hash,
}

/// What the start found that a gateway had left which was not stopped in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    pub file: String,
    /// Whole records that are in it.
    pub records: u64,
    /// Of those, so many that were in the journal and not in the file.
    pub brought_back: u64,
    /// The end of the file that was no whole record, and was cut off.
    pub cut_bytes: u64,
}
