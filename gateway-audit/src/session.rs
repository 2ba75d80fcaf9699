//! What happens inside a connection that is understood: a session, its commands, and how each ended.

use std::net::SocketAddr;

use gateway_policy::level::Level;
use serde::{Deserialize, Serialize};

use crate::event::{ActsFor, Who};

/// Both logins were done. It is written before the agent hears of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOpened {
    #[serde(flatten)]
    pub of: OfSession,
    /// Who asked, as the kernel saw it.
    pub who: Who,
    /// Where the agent asked to go.
    pub original: SocketAddr,
    pub level: Option<Level>,
    pub protocol: String,
    /// Who the agent says it is, which nobody believes.
    pub claimed: String,
    pub database: String,
    /// For whom the agent acts, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<ActsFor>,
    /// The lease that it was opened by, if that outlives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// Who the target takes it for.
    pub login: String,
    pub agent_side: Privacy,
    pub target_side: Privacy,
    pub server_version: Option<String>,
}

/// Whether a side could be read on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    Plain,
    Tls,
}

/// Which session an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfSession {
    pub session: String,
    pub connection: u64,
    pub agent: String,
    pub target: String,
}

/// An agent wanted to run something, and this was the answer. It is written before the target hears of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandJudged {
    #[serde(flatten)]
    pub of: OfSession,
    /// Counts the commands of the session.
    pub command: u64,
    pub stage: Stage,
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Value>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It was to be prepared, and its parameters had no values yet.
    Prepare,
    Run,
}

/// A parameter's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Null,
    Text(String),
    /// In hexadecimal digits.
    Binary(String),
    /// Too long for the record.
    Long {
        bytes: u64,
        sha256: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Allowed {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<String>,
        /// What would have been denied, had it not only been observed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        observed: Option<Box<CommandDenial>>,
    },
    Denied(CommandDenial),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandDenial {
    pub message: String,
    pub because: Because,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// This rule denies it.
    Rule(String),
    NothingAllows,
    /// This rule would allow it under a condition that it does not meet.
    Condition(String),
    /// As many run, or have begun within a minute, as may.
    Limit,
    /// It could not be told what it does.
    Unknown(String),
    /// People were to be asked, and have not said yes: why not.
    NotApproved(String),
}

/// What the target answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEnded {
    #[serde(flatten)]
    pub of: OfSession,
    pub command: u64,
    pub said: Said,
    pub rows: u64,
    pub bytes: u64,
    /// From the verdict to the end of the answer.
    pub took_us: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The target's own word for it, such as `SELECT 3`.
    Done(String),
    /// The code of its error.
    Failed(String),
    /// It may go on: there are more rows than were asked for.
    Suspended,
    /// It never ran, since something before it in the same batch failed.
    Skipped,
    /// The connection ended first.
    Nothing,
}

/// A command that was permitted has come to a bound of its permit, and is ended there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitReached {
    #[serde(flatten)]
    pub of: OfSession,
    pub command: u64,
    pub limit: Limit,
}

/// What there was too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Rows,
    Bytes,
    Time,
}

/// Something of the agent was refused that is no command, or none that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRefused {
    #[serde(flatten)]
    pub of: OfSession,
    pub why: String,
}
