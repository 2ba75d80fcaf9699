//! What people do at the control socket.

use serde::{Deserialize, Serialize};

/// Who asked, as kernel, host and configuration know them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    pub uid: u32,
    /// Who logged in before becoming that user.
    pub login_uid: Option<u32>,
    pub pid: u32,
    pub user: Option<String>,
    /// The person that the configuration knows behind that user.
    pub person: Option<String>,
}

/// Somebody asked for a change, and this became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlUsed {
    pub by: Asker,
    pub call: String,
    /// The question in JSON, as far as there is room.
    pub asked: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Outcome {
    Done,
    NotDone { why: String },
}

/// Somebody asked who may not, or not that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRefused {
    pub by: Asker,
    pub call: String,
    pub why: String,
}
