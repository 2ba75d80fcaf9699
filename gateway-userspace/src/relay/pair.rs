//! The two sockets of a connection, and what can be told about them from outside the relay.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{
    AtomicU8, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::time::{Duration, Instant};

use gateway_audit::event::Ending;
use gateway_protocols::conversation::{Parting, Side};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::sync::Notify;

use crate::sys::tcp;
use crate::targets::Lost;

/// How long a thread waits for the one side that is expected to speak before it listens to both.
const EXPECTED_WITHIN: Duration = Duration::from_millis(5);

/// An agent's socket and its target's.
#[derive(Debug)]
pub struct Pair {
    pub agent: TcpStream,
    pub target: TcpStream,
    began: Instant,
    sent: AtomicU64,
    received: AtomicU64,
    /// Milliseconds from `began` to the last byte that moved.
    moved_at: AtomicU64,
    cut: AtomicU8,
    /// Told when an agent that is understood has closed its stream.
    left: Notify,
}

/// Why a connection is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Cut {
    Idle = 1,
    GatewayStopped = 2,
    AgentRemoved = 3,
    TargetRemoved = 4,
    AgentLeft = 5,
    LeaseEnded = 6,
    Killed = 7,
    IdentityEnded = 8,
}

impl Cut {
    const ALL: [Self; 8] = [
        Self::Idle,
        Self::GatewayStopped,
        Self::AgentRemoved,
        Self::TargetRemoved,
        Self::AgentLeft,
        Self::LeaseEnded,
        Self::Killed,
        Self::IdentityEnded,
    ];
}

impl From<Lost> for Cut {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Agent => Self::AgentRemoved,
            Lost::Target => Self::TargetRemoved,
        }
    }
}

impl From<Cut> for Ending {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Idle => Self::Idle,
            Cut::GatewayStopped => Self::GatewayStopped,
            Cut::AgentRemoved => Self::AgentRemoved,
            Cut::TargetRemoved => Self::TargetRemoved,
            Cut::AgentLeft => Self::AgentLeft,
            Cut::LeaseEnded => Self::LeaseEnded,
            Cut::Killed => Self::Killed,
            Cut::IdentityEnded => Self::IdentityEnded,
        }
    }
}

impl From<Cut> for Parting {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Idle => Self::Idle,
            Cut::GatewayStopped | Cut::AgentLeft => Self::GatewayStops,
            Cut::AgentRemoved | Cut::TargetRemoved | Cut::LeaseEnded | Cut::IdentityEnded => Self::LeaseEnded,
            Cut::Killed => Self::Killed,
        }
    }
}

impl Pair {
    pub(super) fn new(agent: TcpStream, target: TcpStream) -> io::Result<Self> {
        for socket in [&agent, &target] {
            // Every call says itself whether it may wait.
            socket.set_nonblocking(false)?;
            socket.set_read_timeout(Some(EXPECTED_WITHIN))?;
            socket.set_nodelay(true)?;
            setsockopt(socket, sockopt::KeepAlive, &true)?;
        }
        Ok(Self {
            agent,
            target,
            began: Instant::now(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            moved_at: AtomicU64::new(0),
            cut: AtomicU8::new(0),
            left: Notify::new(),
        })
    }

    pub(super) fn socket(&self, side: Side) -> &TcpStream {
        match side {
            Side::Agent => &self.agent,
            Side::Target => &self.target,
        }
    }

    /// Bytes from the agent to the target.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Bytes from the target to the agent.
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub fn silent_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.moved_at.load(Relaxed)))
    }

    /// The agent says nothing more, in a protocol in which that means that it is gone.
    pub(super) fn agent_leaves(&self) {
        self.left.notify_one();
    }

    pub(super) async fn agent_left(&self) {
        self.left.notified().await;
    }

    /// Bytes that a side was given.
    pub(super) fn count(&self, to: Side, bytes: usize) {
        let counter = match to {
            Side::Target => &self.sent,
            Side::Agent => &self.received,
        };
        counter.fetch_add(bytes as u64, Relaxed);
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_at.store(millis, Relaxed);
    }

    /// Asks for the end. Whoever carries the connection, or the parking place, is woken by the end of both streams,
    /// and can still say something to both sides.
    pub(super) fn cut(&self, why: Cut) {
        // The first reason stands.
        let _ = self.cut.compare_exchange(0, why as u8, SeqCst, SeqCst);
        for socket in [&self.agent, &self.target] {
            // It fails when that side was faster.
            let _ = socket.shutdown(Shutdown::Read);
        }
    }

    pub(super) fn was_cut(&self) -> Option<Cut> {
        Cut::ALL.into_iter().find(|cut| *cut as u8 == self.cut.load(SeqCst))
    }

    /// Resets both sides, so that neither takes a broken stream for a whole one.
    pub(super) fn reset(&self) {
        for socket in [&self.agent, &self.target] {
            // It fails when that side was faster.
            let _ = tcp::abort(socket);
        }
    }
}
