//! What an attempt is: its name, what it tries, what it needs, and what is said to close it.

use std::fmt;

use gateway_policy::level::Level;
use serde::{Deserialize, Serialize};

use super::arena::Arena;
use super::outcome::Claim;
use crate::sys::raw::Stopped;

/// One known way out, or one thing that must go on working.
#[derive(Debug)]
pub struct Attempt {
    /// Stable: tests, tables and documents refer to it.
    pub name: &'static str,
    /// What it tries, in one sentence.
    pub vector: &'static str,
    pub goal: Goal,
    /// The layers that close it, each one alone.
    pub closed_by: &'static [Closer],
    /// Who gets through where nothing is enforced.
    pub bare: Bare,
    pub needs: &'static [Need],
    /// Where a layer that should close it is known not to.
    pub gaps: &'static [Gap],
    pub run: fn(&Arena) -> Result<Claim, Stopped>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// To get out. It must fail.
    Escape,
    /// To work inside. It must not be broken by the enforcement.
    MustWork,
    /// To reach another process of the host without the network. Told, not promised to be closed.
    Residual,
}

/// The layer that closes an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Closer {
    /// The programs attached to the cgroup hierarchy.
    Cgroup,
    /// The programs that judge the current task.
    Lsm,
    /// A hardened unit: seccomp, no capabilities, private folders, closed descriptors, an ordinary user.
    Unit,
    /// The kernel itself, whoever asks.
    Kernel,
}

/// Who gets through where nothing is enforced. The control run demands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bare {
    Anyone,
    /// Ordinary users are held by the kernel's own rules.
    RootOnly,
    Nobody,
    /// Depends on settings of the host: Yama, ping groups, services that happen to run.
    SomeHosts,
}

/// What the runner has to arrange around an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A descriptor left open by whoever started the agent.
    Inherited(Legacy),
    /// Somebody outside who dials the agent's inbound port as long as the attempt runs.
    Dialled(Dial),
    /// To open its sockets first and enter the cgroup later.
    EntersLate,
    /// A cgroup below the agent's, made for this attempt.
    ChildCgroup,
    /// A bpffs that is there to be tampered with.
    Bpffs,
    /// A system call that a confined command does not have, for whatever purpose.
    Unconfined,
}

/// A descriptor that an attempt inherits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Legacy {
    TcpUnconnected,
    UdpUnconnected,
    TcpConnected,
    UdpConnected,
    /// Connected, with the world's secret to be read.
    TcpSecret,
    /// Listening on the address that the world can reach.
    TcpListener,
    RawSocket,
    PacketSocket,
    /// A unix stream connected to an outsider.
    UnixConnected,
    /// A unix socket with a connected internet socket waiting in it as a passed descriptor.
    UnixWithRights,
    /// The world's network namespace.
    WorldNamespace,
    /// The directory of a cgroup outside, for reading.
    OutsideCgroup,
    /// The cgroup.procs of a cgroup outside, for writing.
    OutsideProcs,
    /// An io_uring of an outsider, with a connected socket registered in it.
    Ring,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dial {
    Tcp4,
    Tcp6,
    Udp4,
}

/// As whom an attempt runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    User,
    Root,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "user",
            Self::Root => "root",
        })
    }
}

/// A hole that is known, at the level and on the kernels where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    pub level: Level,
    /// Kernels before this one have the hole; `None` means all.
    pub before: Option<(u32, u32)>,
    pub because: &'static str,
}

impl Attempt {
    /// An escape that anybody manages where nothing is enforced.
    pub const fn escape(
        name: &'static str,
        vector: &'static str,
        closed_by: &'static [Closer],
        run: fn(&Arena) -> Result<Claim, Stopped>,
    ) -> Self {
        Self { name, vector, goal: Goal::Escape, closed_by, bare: Bare::Anyone, needs: &[], gaps: &[], run }
    }

    /// Something ordinary that an agent does and must go on doing.
    pub const fn must_work(
        name: &'static str,
        vector: &'static str,
        run: fn(&Arena) -> Result<Claim, Stopped>,
    ) -> Self {
        Self {
            name,
            vector,
            goal: Goal::MustWork,
            closed_by: &[],
            bare: Bare::Anyone,
            needs: &[],
            gaps: &[],
            run,
        }
    }

    /// A channel to another process that no network rule covers.
    pub const fn residual(
        name: &'static str,
        vector: &'static str,
        run: fn(&Arena) -> Result<Claim, Stopped>,
    ) -> Self {
        Self {
            name,
            vector,
            goal: Goal::Residual,
            closed_by: &[],
            bare: Bare::Anyone,
            needs: &[],
            gaps: &[],
            run,
        }
    }

    pub const fn bare(mut self, bare: Bare) -> Self {
        self.bare = bare;
        self
    }

    pub const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    pub const fn gaps(mut self, gaps: &'static [Gap]) -> Self {
        self.gaps = gaps;
        self
    }

    /// The descriptors that it wants to inherit.
    pub(super) fn legacies(&self) -> Vec<Legacy> {
        let legacy = |need: &Need| if let Need::Inherited(legacy) = need { Some(*legacy) } else { None };
        self.needs.iter().filter_map(legacy).collect()
    }

    /// Why it makes no sense for a command that is confined before its first instruction.
    pub(super) fn beyond_confinement(&self) -> Option<&'static str> {
        self.needs.iter().find_map(|need| match need {
            Need::EntersLate => Some("a confined command starts in its cgroup, with nothing open"),
            Need::Unconfined => Some("a confined command does without this"),
            Need::Inherited(_) | Need::Dialled(_) | Need::ChildCgroup | Need::Bpffs => None,
        })
    }

    /// How it wants to be dialled.
    pub(super) fn dial(&self) -> Option<Dial> {
        self.needs.iter().find_map(|need| if let Need::Dialled(how) = need { Some(*how) } else { None })
    }
}
