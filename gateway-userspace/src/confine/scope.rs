//! Shuts a process off from processes that were not started by it (Landlock).
//!
//! A Landlock domain of any kind keeps its processes from inspecting outsiders, hence from reaching the sockets in
//! an outsider's /run by way of /proc/PID/root. From Linux 6.12 on it also closes abstract unix sockets and signals.

use landlock::{
    AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, Scope,
};

use super::ConfineError;

/// What this kernel can shut a process off from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Other processes, their abstract sockets, and signals to them.
    ProcessesAndSockets,
    /// Other processes.
    Processes,
    Nothing,
}

impl Reach {
    pub fn of_this_kernel() -> Self {
        // Best first: the ruleset is described, never applied here.
        [Self::ProcessesAndSockets, Self::Processes]
            .into_iter()
            .find(|reach| reach.ruleset().is_ok())
            .unwrap_or(Self::Nothing)
    }

    pub fn gaps(self) -> &'static [&'static str] {
        match self {
            Self::ProcessesAndSockets => &[],
            Self::Processes => &["abstract unix sockets", "signals to the user's other processes"],
            Self::Nothing => &[
                "abstract unix sockets",
                "signals to the user's other processes",
                "inspection of the user's other processes",
            ],
        }
    }

    /// Restricts the calling thread and all that it starts.
    pub fn enter(self) -> Result<(), ConfineError> {
        if self == Self::Nothing {
            return Ok(());
        }
        let everywhere = PathBeneath::new(PathFd::new("/")?, moving());
        self.ruleset()?.create()?.add_rule(everywhere)?.restrict_self()?;
        Ok(())
    }

    /// A domain must handle some right to exist. Making block devices is one that no agent has anyway; moving files
    /// between folders is taken away by every domain unless it is handled and granted.
    fn ruleset(self) -> Result<Ruleset, RulesetError> {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(moving() | AccessFs::MakeBlock)?;
        match self {
            Self::ProcessesAndSockets => ruleset.scope(Scope::AbstractUnixSocket | Scope::Signal),
            Self::Processes | Self::Nothing => Ok(ruleset),
        }
    }
}

fn moving() -> BitFlags<AccessFs> {
    AccessFs::Refer.into()
}
