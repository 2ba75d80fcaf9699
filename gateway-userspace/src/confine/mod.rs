//! What a process gives up before it becomes an agent's command.
//!
//! Two strengths. The baseline holds always: no foreign descriptor, an ordinary user, no way to gain privileges, no
//! typing into the operator's terminal. The `unit` strength closes, without the kernel's second layer, what the
//! hardened agent unit in systemd/ closes: a private /run, a list of system calls that do not exist, no view of
//! processes outside. What it cannot close on this kernel it names in [`Confinement::gaps`].

mod account;
mod mounts;
mod privileges;
mod scope;
mod syscalls;

use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use thiserror::Error;

pub use account::Account;
use mounts::View;
use scope::Reach;
use syscalls::Filters;
pub use syscalls::Programs;

use crate::sys::process;

/// How much is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    Baseline,
    Unit,
}

#[derive(Debug, Error)]
pub enum ConfineError {
    #[error("cannot close the descriptors of the caller")]
    Descriptors(#[source] io::Error),
    #[error("cannot {act}")]
    Mount { act: &'static str, source: io::Error },
    #[error("cannot give up privileges: {act}")]
    Privileges { act: &'static str, source: io::Error },
    #[error("cannot shut the command off from processes outside")]
    Scope(#[from] landlock::RulesetError),
    #[error("cannot open the root directory")]
    Root(#[from] landlock::PathFdError),
    #[error("cannot filter system calls")]
    Filter(#[from] seccompiler::Error),
    #[error("system calls cannot be filtered on this kind of machine")]
    Machine(#[from] seccompiler::BackendError),
}

/// Takes system calls from the gateway that it does not need, for good. Called while there is one thread, so that it holds
/// for all.
pub fn confine_gateway(programs: Programs) -> Result<(), ConfineError> {
    Filters::of_gateway(programs)?.enter()
}

/// All that can be decided before the process exists that it is for.
#[derive(Debug)]
pub struct Confinement {
    account: Account,
    strength: Strength,
    view: View,
    reach: Reach,
    filters: Filters,
}

impl Confinement {
    /// `open_sockets` are the unix sockets outside that the agent may talk to.
    pub fn prepare(
        account: Account,
        strength: Strength,
        open_sockets: Vec<PathBuf>,
    ) -> Result<Self, ConfineError> {
        let view = View { open_sockets, owner: (account.uid, account.gid) };
        Ok(Self { account, strength, view, reach: Reach::of_this_kernel(), filters: Filters::of(strength)? })
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What stays open although the strength asks for it to be closed.
    pub fn gaps(&self) -> &'static [&'static str] {
        match self.strength {
            Strength::Baseline => &[],
            Strength::Unit => self.reach.gaps(),
        }
    }

    /// Gives everything up, in the one order that works: mounts need privileges, and each step takes away what an
    /// earlier one needed. `kept` is the only descriptor that stays besides the standard three.
    pub fn enter(&self, kept: BorrowedFd<'_>) -> Result<(), ConfineError> {
        process::close_all_but(kept).map_err(ConfineError::Descriptors)?;
        if self.strength == Strength::Unit {
            self.view.enter()?;
        }
        privileges::drop_to(&self.account, self.strength)?;
        if self.strength == Strength::Unit {
            self.reach.enter()?;
        }
        self.filters.enter()
    }
}
