//! What became of a command that waited for people. All events of one request carry its number.

use serde::{Deserialize, Serialize};

use crate::session::{OfSession, Value};

/// One step of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    #[serde(flatten)]
    pub of: OfSession,
    pub request: String,
    #[serde(flatten)]
    pub step: Step,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// People are asked about this command.
    Asked {
        command: u64,
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parameters: Vec<Value>,
        rules: Vec<String>,
        what: String,
    },
    /// The same command of the same agent came again while people were asked.
    Joined {
        command: u64,
    },
    /// Somebody said yes. It is enough, or more people have to say so.
    Approved {
        by: String,
        uid: u32,
        reach: String,
        missing: u64,
    },
    /// Somebody said no.
    Refused {
        by: String,
        uid: u32,
        reason: Option<String>,
    },
    /// Somebody answered to no effect.
    NotHeard {
        by: String,
        uid: u32,
        why: String,
    },
    TimedOut,
    /// The command is gone: why.
    Withdrawn {
        why: String,
    },
    /// The answer let this command run. It is written before the command goes on.
    Used {
        command: u64,
    },
}

impl Step {
    /// In a few words.
    pub fn says(&self) -> String {
        match self {
            Self::Asked { what, .. } => format!("{what} waits for approval"),
            Self::Joined { .. } => "the same command waits once more".to_owned(),
            Self::Approved { by, missing: 0, .. } => format!("approved by {by}"),
            Self::Approved { by, missing, .. } => format!("approved by {by}, {missing} more needed"),
            Self::Refused { by, .. } => format!("refused by {by}"),
            Self::NotHeard { by, why, .. } => format!("{by} answered to no effect: {why}"),
            Self::TimedOut => "nobody answered in time".to_owned(),
            Self::Withdrawn { why } => format!("withdrawn: {why}"),
            Self::Used { .. } => "the answer was used".to_owned(),
        }
    }
}
