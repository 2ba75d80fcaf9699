//! How far somebody has read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The next line of each log that is not read to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    pub host: Place,
    pub enforcer: Place,
    /// Sessions of which more may come, by their names.
    pub open: BTreeMap<String, Open>,
}

/// A place between two lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Below the folder of records, as it is called while it is written.
    pub file: PathBuf,
    /// In bytes, of what is not packed.
    pub offset: u64,
    /// The number that the next record has.
    pub seq: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    pub place: Place,
    /// How many records it has, once it is complete.
    pub sealed: Option<u64>,
}
