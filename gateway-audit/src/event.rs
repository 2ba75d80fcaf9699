//! Everything an auditor would care about, one JSON object for each.
//!
//! A connection leaves `denied`, or else `opened` and later `ended`; the `connection` number ties the two
//! together, and each line alone says who, where and at which level of enforcement.

use std::net::SocketAddr;

use gateway_policy::level::Level;
use gateway_policy::target::NoMatch;
use serde::{Deserialize, Serialize};

use crate::approval::Approval;
use crate::chain::Hash;
use crate::control::{ControlRefused, ControlUsed};
use crate::file::{
    FileBegan, Packed, Recovered, SessionBegan, SessionRemoved, SessionSealed, SessionsStand, SignedState,
};
use crate::lease::{LeaseEnded, LeaseExtended, LeaseGiven, LockChanged};
use crate::session::{CommandEnded, CommandJudged, LimitReached, MessageRefused, SessionOpened};
use crate::wide;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The gateway began to accept connections.
    Started {
        version: String,
    },
    /// The gateway stopped in order. Without it before the next `started`, it did not.
    Stopped {
        open_connections: u64,
    },
    /// The decision to let a connection through. It is written before anything goes to the target.
    Opened(Connection),
    /// The decision not to.
    Denied(Denied),
    /// An agent did not show for whom it acts, or not well enough.
    IdentityFailed(IdentityFailed),
    /// A connection is understood from here on.
    SessionOpened(SessionOpened),
    Command(CommandJudged),
    CommandEnded(CommandEnded),
    LimitReached(LimitReached),
    MessageRefused(MessageRefused),
    /// How an opened connection ended.
    Ended(Ended),
    /// A name that was looked up, answered or not.
    Asked(Asked),
    /// So many more of the same within so many seconds that have no record of their own, since nobody can tell whose
    /// they are.
    NotListed {
        what: Nameless,
        count: u64,
        seconds: u64,
    },
    /// The kernel refused something that an agent tried.
    KernelRefused(KernelRefused),
    /// So many kernel refusals could not be reported one by one.
    KernelRefusalsLost {
        count: u64,
    },
    /// Enforcement changed to this level; `None` means that it cannot be shown to work.
    LevelChanged {
        level: Option<Level>,
        open_vectors: Vec<String>,
    },
    /// The enforcer does not answer: all connections are denied until `enforcer_back`.
    EnforcerGone,
    EnforcerBack,
    LeaseGiven(LeaseGiven),
    LeaseExtended(LeaseExtended),
    LeaseEnded(LeaseEnded),
    Locked(LockChanged),
    Unlocked(LockChanged),
    ControlUsed(ControlUsed),
    /// A step on the way of a command that waited for people.
    Approval(Approval),
    ControlRefused(ControlRefused),
    /// Somebody took the enforcement away (`postern enforce --detach`).
    Detached {
        uid: u32,
        /// Who logged in before becoming that user.
        login_uid: Option<u32>,
    },
    /// Another configuration holds from here on.
    ConfigRead {
        /// Over the names and contents of its files.
        sha256: Hash,
    },
    /// Other files were there to be read, with mistakes. The former configuration stays in force.
    ConfigRefused {
        sha256: Hash,
        mistakes: u64,
    },
    /// The wall clock moved by more than time went by.
    ClockJumped {
        /// Forward, or with a minus backward.
        by_ms: i64,
    },
    /// So many commands and connections were refused since there was no record of them.
    Unrecorded {
        count: u64,
    },
    /// The first record of each file.
    FileBegan(FileBegan),
    /// The last record of a session's file.
    Sealed {
        /// All of the file, this one counted in.
        records: u64,
        ending: Ending,
    },
    SessionBegan(SessionBegan),
    SessionSealed(SessionSealed),
    SessionsStand(SessionsStand),
    SessionRemoved(SessionRemoved),
    Checkpoint(SignedState),
    Packed(Packed),
    Recovered(Recovered),
}

/// Who asked, as the kernel saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    pub agent: String,
    #[serde(with = "wide")]
    pub cgroup_id: u64,
    pub cgroup_path: String,
    #[serde(with = "wide")]
    pub netns: u64,
    pub tgid: u32,
    pub pid: u32,
    pub uid: u32,
    pub gid: u32,
    pub comm: String,
    pub exe: Option<Exe>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exe {
    pub path: String,
    pub sha256: Option<String>,
    /// Why there is no hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhashed: Option<Unhashed>,
}

/// Why a program's hash is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unhashed {
    /// No connection waits for a file of this size to be read.
    TooLarge,
    /// It could not be read, or was written meanwhile.
    Unreadable,
    /// It is being read; later connections of the program have the hash.
    NotInTime,
    /// Too many other programs are being read.
    Busy,
}

/// A person that an agent acts for, and how that was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActsFor {
    pub issuer: String,
    /// What the issuer calls the person, now and later.
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    pub proved: Proved,
    /// Until when the proof holds, in RFC 3339.
    pub until: String,
}

/// From where the proof of an identity came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proved {
    /// A token in a file of the agent.
    TokenFile,
    /// A token in place of the database password.
    TokenInBand,
    /// A token in the environment of the process that connects.
    Environment,
    /// The provider vouches for an agent that the kernel attests.
    ClientCredentials,
}

/// Why an agent was not recognised. Nothing of a token is in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityFailed {
    pub connection: u64,
    #[serde(flatten)]
    pub who: Who,
    pub target: String,
    pub problem: IdentityProblem,
    /// Where the proof was looked for, or came from.
    pub source: Option<Proved>,
    /// The name of the provider in the configuration.
    pub provider: Option<String>,
    pub why: String,
}

/// What is wrong with an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityProblem {
    NoToken,
    /// It is there and could not be read.
    Unreadable,
    Malformed,
    Algorithm,
    UnknownIssuer,
    WrongAudience,
    WrongKind,
    WrongClient,
    /// It is somebody else's than this agent's.
    OtherAgent,
    Expired,
    NotYet,
    TooOld,
    MissingClaim,
    UnknownKey,
    BadSignature,
    ProviderAway,
    /// The provider answered, and does not vouch.
    ProviderRefused,
    /// The session began for somebody else.
    OtherPerson,
    /// No source of the configuration fits what is spoken.
    NotConfigured,
}

/// An opened connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Unique while one gateway runs.
    pub connection: u64,
    #[serde(flatten)]
    pub who: Who,
    /// For whom the agent acts, where that was proved before the connection was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<ActsFor>,
    /// Where the agent asked to go, which is where the bytes go.
    pub original: SocketAddr,
    pub target: String,
    pub level: Option<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    pub connection: u64,
    /// `None` when it could not be told whose the connection is.
    pub who: Option<Who>,
    pub original: Option<SocketAddr>,
    /// The other end of the accepted connection.
    pub peer: Option<SocketAddr>,
    pub because: Denial,
    pub level: Option<Level>,
}

/// Why a connection was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// The enforcer knows no agent that made this connection.
    NotAnAgent,
    /// The enforcer did not answer, or not in time.
    NoAttribution,
    /// The enforcer named an agent that is not configured.
    UnknownAgent,
    /// The destination is the gateway itself.
    GatewayItself,
    NoTarget,
    NotForThisAgent,
    Ambiguous,
    TooManyConnections,
    /// An operator has shut this out.
    Locked,
    /// It was not shown for whom the agent acts; `identity_failed` says why.
    NoIdentity,
}

impl From<NoMatch> for Denial {
    fn from(reason: NoMatch) -> Self {
        match reason {
            NoMatch::NoTarget => Self::NoTarget,
            NoMatch::NotForThisAgent => Self::NotForThisAgent,
            NoMatch::Ambiguous => Self::Ambiguous,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    #[serde(flatten)]
    pub connection: Connection,
    pub ending: Ending,
    /// From the agent to the target.
    pub sent_bytes: u64,
    /// From the target to the agent.
    pub received_bytes: u64,
    pub lasted_ms: u64,
}

/// How a connection can end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ending {
    /// Both sides said that they were done.
    Finished,
    ResetByAgent,
    ResetByTarget,
    /// The agent sent what its protocol does not allow.
    BrokenByAgent {
        why: String,
    },
    BrokenByTarget {
        why: String,
    },
    /// Nothing moved for `serve.idle_timeout`.
    Idle,
    ConnectTimedOut,
    ConnectFailed {
        why: String,
    },
    /// The agent was taken out of the configuration.
    AgentRemoved,
    /// The configuration does not lead this agent to that target any more.
    TargetRemoved,
    /// What showed for whom the agent acts does not hold any more; `identity_failed` says why.
    IdentityEnded,
    /// The agent was gone while the target was still at work for it.
    AgentLeft,
    /// The leave to connect had an end, and that came.
    LeaseEnded,
    /// An operator ended it.
    Killed,
    /// There was no leave to connect.
    NotLeased {
        why: String,
    },
    /// The agent was not let in by the gateway.
    LoginFailed {
        why: String,
    },
    /// The gateway was not let in by the target.
    TargetLoginFailed {
        why: String,
    },
    /// It asked for a command of another connection of the same agent to be cancelled that waited for people.
    HoldCancelled {
        connection: u64,
    },
    /// It asked for the query of another connection of the same agent to be cancelled, and the target has heard.
    CancelPassedOn {
        connection: u64,
    },
    /// It asked for a query to be cancelled that is none of this agent's, or none at all.
    NothingToCancel,
    /// The gateway was not stopped in order; its next start has found out.
    GatewayDied,
    /// The gateway stopped, and the connection was still open after `serve.drain_timeout`.
    GatewayStopped,
    /// The gateway could not go on.
    Failed {
        why: String,
    },
}

/// A question to the resolver front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// `None` when it could not be told who asked.
    pub who: Option<Who>,
    pub transport: Transport,
    /// `None` when the message could not be read.
    pub name: Option<String>,
    /// The record type that was asked for, such as `AAAA`.
    pub kind: Option<String>,
    pub answer: AnswerGiven,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    Udp,
    Tcp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerGiven {
    Addresses,
    /// The name is allowed and has nothing of this type.
    Empty,
    /// The host's resolver has no answer.
    Failed,
    /// The agent may not look this name up.
    Refused,
    Malformed,
    /// Nothing was answered: nobody knows who asked.
    Dropped,
}

/// Something that is put down to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nameless {
    /// A connection that was denied.
    Connection { because: Denial },
    /// A question for a name.
    Question { answer: AnswerGiven },
}

/// What the kernel refused, to whom and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelRefused {
    /// `None`: a watched cgroup that is no configured agent.
    pub agent: Option<String>,
    #[serde(with = "wide")]
    pub cgroup_id: u64,
    pub cgroup_path: String,
    pub tgid: u32,
    pub pid: u32,
    pub uid: u32,
    pub comm: String,
    pub act: String,
    pub why: String,
    pub destination: Option<SocketAddr>,
    /// When it happened, by the kernel's account.
    pub refused_at: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Record;

    fn connection() -> Connection {
        Connection {
            connection: 7,
            who: Who {
                agent: "coder".into(),
                cgroup_id: 42,
                cgroup_path: "/agents.slice/coder".into(),
                netns: 1,
                tgid: 100,
                pid: 101,
                uid: 1000,
                gid: 1000,
                comm: "psql".into(),
                exe: Some(Exe { path: "/usr/bin/psql".into(), sha256: Some("00ff".into()), unhashed: None }),
            },
            person: None,
            original: SocketAddr::from(([192, 0, 2, 1], 5432)),
            target: "orders".into(),
            level: Some(Level::Full),
        }
    }

    #[test]
    fn an_ended_connection_tells_all_about_itself_in_one_line() {
        let event = Event::Ended(Ended {
            connection: connection(),
            ending: Ending::ConnectFailed { why: "refused".into() },
            sent_bytes: 1,
            received_bytes: 2,
            lasted_ms: 3,
        });
        let record = Record { seq: 0, at: "2026-01-01T00:00:00Z".into(), prev: Hash::NONE, event };
        let line = serde_json::to_string(&record).expect("json");
        let value: serde_json::Value = serde_json::from_str(&line).expect("json");
        for (key, expected) in
            [("event", "ended"), ("agent", "coder"), ("target", "orders"), ("level", "full")]
        {
            assert_eq!(value[key], expected, "{line}");
        }
        assert_eq!(value["ending"]["how"], "connect_failed");
        assert_eq!(serde_json::from_str::<Record>(&line).expect("a record"), record);
    }
}
