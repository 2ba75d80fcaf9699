//! What the gateway and the enforcer say to each other: one JSON object per seqpacket datagram.
//!
//! The enforcer trusts nothing the gateway sends but the socket whose owner is asked for, and that is
//! looked up in the kernel. Both ends use `send`, `receive` and `receive_with`; they work on blocking and
//! non-blocking sockets alike.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

use gateway_audit::event::Unhashed;
use gateway_policy::level::Level;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::sys::seqpacket::{self, Whole};

mod standing;
mod token;

#[cfg(test)]
pub use standing::WatchedCgroup;
pub use standing::{EnforcerStatus, MOST_PARTS, StatusPart, WatchedAgent};
pub use token::{SecretText, TokenFound, TokenPlace};

/// No message is longer.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// Asked by the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Whose connection is this? The accepted TCP socket comes with the message.
    Whose,
    /// Who sent a datagram to the resolver front?
    WhoseDatagram { netns: u64, from: SocketAddr },
    /// How does enforcement stand? The answer is one part; the next is asked for by the last cgroup of this.
    Status { after: Option<u64> },
    /// Which agent is this cgroup watched as?
    Watches { cgroup: u64 },
    /// Does this process run in an agent's cgroup?
    IsAgent { pid: i32 },
    /// What has this agent's process where its identity token is configured to be?
    Token { agent: String, tgid: u32, place: TokenPlace },
    /// Said by root: what starts in this cgroup has given up so much that this level is reached.
    Reached { path: String, level: Level },
    /// From here on the enforcer sends `Notice`s and reads nothing more.
    Subscribe,
}

/// Exactly one for each question but `Subscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// `None`: this is no agent's connection.
    Connection(Option<Attribution>),
    Status(StatusPart),
    /// `None`: the cgroup is not watched, or closed.
    Watches(Option<String>),
    IsAgent(bool),
    Token(TokenFound),
    Noted,
    /// The question could not be answered; the gateway treats it as a no.
    Failed {
        why: String,
    },
}

/// Whose a connection or a datagram is, and where it was meant to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribution {
    pub agent: String,
    pub agent_id: u32,
    pub original: SocketAddr,
    pub netns: u64,
    pub cgroup_id: u64,
    pub cgroup_path: String,
    pub tgid: u32,
    pub pid: u32,
    pub uid: u32,
    pub gid: u32,
    pub comm: String,
    /// `None` when the process was gone before it could be looked at.
    pub exe: Option<ExeFacts>,
    /// How well this cgroup is held.
    pub level: Level,
    pub at_unix_ns: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExeFacts {
    pub path: String,
    /// Lower-case hex, or why there is none.
    pub sha256: Result<String, Unhashed>,
}

/// Pushed by the enforcer after `Subscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Notice {
    /// The kernel refused something an agent tried.
    Refusal(KernelRefusal),
    /// So many refusals were not reported since the last `Lost`.
    Lost {
        count: u64,
    },
    Level {
        level: Option<Level>,
        open_vectors: Vec<String>,
    },
    /// A TCP listener made inside another network namespace; it comes with the message.
    Listener {
        netns: u64,
    },
    /// Nobody is left in that network namespace: its listeners have no use any more, and would keep it alive.
    NetnsGone {
        netns: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelRefusal {
    /// `None`: a watched cgroup that is no configured agent.
    pub agent: Option<String>,
    pub agent_id: u32,
    pub cgroup_id: u64,
    pub cgroup_path: String,
    pub tgid: u32,
    pub pid: u32,
    pub uid: u32,
    pub comm: String,
    /// What was tried, in one word (`gateway_common::event::Act::word`).
    pub act: String,
    /// Why it was refused.
    pub why: String,
    /// Where it was meant to go, if it had an address.
    pub destination: Option<SocketAddr>,
    pub at_unix_ns: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("cannot read from the other side")]
    Receive(#[source] io::Error),
    #[error("cannot write to the other side")]
    Send(#[source] io::Error),
    #[error("the other side closed the connection")]
    Closed,
    #[error("a message is longer than {MAX_MESSAGE} bytes")]
    TooLong,
    #[error("a message is not understood")]
    Malformed(#[source] serde_json::Error),
    #[error("a message brought {0} file descriptors where another number is due")]
    WrongDescriptors(usize),
}

impl WireError {
    /// A non-blocking socket has nothing to read, or no room to write.
    pub fn would_block(&self) -> bool {
        match self {
            Self::Receive(error) | Self::Send(error) => error.kind() == io::ErrorKind::WouldBlock,
            Self::Closed | Self::TooLong | Self::Malformed(_) | Self::WrongDescriptors(_) => false,
        }
    }
}

pub fn send<T: Serialize>(
    socket: BorrowedFd<'_>,
    message: &T,
    fd: Option<BorrowedFd<'_>>,
) -> Result<(), WireError> {
    let bytes = serde_json::to_vec(message).map_err(WireError::Malformed)?;
    if bytes.len() > MAX_MESSAGE {
        return Err(WireError::TooLong);
    }
    seqpacket::send(socket, &bytes, fd).map_err(WireError::Send)
}

/// One message that must come without a descriptor.
pub fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> Result<T, WireError> {
    match receive_with(socket)? {
        (message, None) => Ok(message),
        (_, Some(_)) => Err(WireError::WrongDescriptors(1)),
    }
}

/// One message and the descriptor it may have brought. The caller knows which messages must bring one.
pub fn receive_with<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> Result<(T, Option<OwnedFd>), WireError> {
    thread_local! {
        /// Made once for each thread: to fill it with zeroes takes longer than to read a question.
        static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; MAX_MESSAGE]);
    }
    BUFFER.with_borrow_mut(|buffer| receive_into(buffer, socket))
}

fn receive_into<T: DeserializeOwned>(
    buffer: &mut [u8],
    socket: BorrowedFd<'_>,
) -> Result<(T, Option<OwnedFd>), WireError> {
    // Whatever goes wrong from here on, the descriptors that came are closed when `datagram` is dropped.
    let mut datagram = seqpacket::receive(socket, buffer).map_err(WireError::Receive)?;
    if datagram.whole == Whole::CutOff {
        return Err(WireError::TooLong);
    }
    if datagram.fds.len() > 1 {
        return Err(WireError::WrongDescriptors(datagram.fds.len()));
    }
    let bytes = buffer.get(..datagram.length).unwrap_or_default();
    if bytes.is_empty() {
        return Err(WireError::Closed);
    }
    let message = serde_json::from_slice(bytes).map_err(WireError::Malformed)?;
    Ok((message, datagram.fds.pop()))
}

#[cfg(test)]
mod tests;
