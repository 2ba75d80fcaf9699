//! Getting a process into the cgroup: before it does anything, or in the middle, or into a child of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::process::Process;
use super::random_text;
use crate::escapes::arena::Arena;
use crate::escapes::attempt::{Attempt, Need};
use crate::escapes::child::{Briefing, Dress, GO, READY};
use crate::escapes::outcome::Claim;
use crate::report::WithHelp;

/// Where and when one process enters. A cgroup made for it is removed again.
#[derive(Debug)]
pub(super) struct Placement {
    cgroup: PathBuf,
    late: bool,
    ours: bool,
}

impl Placement {
    pub(super) fn choose(attempt: &Attempt, agent: &Path) -> anyhow::Result<Self> {
        let late = attempt.needs.contains(&Need::EntersLate);
        if !attempt.needs.contains(&Need::ChildCgroup) {
            return Ok(Self { cgroup: agent.to_owned(), late, ours: false });
        }
        let cgroup = agent.join(random_text("bypass")?);
        fs::create_dir(&cgroup).with_context(|| format!("cannot make the cgroup {}", cgroup.display()))?;
        Ok(Self { cgroup, late, ours: true })
    }

    /// The child's claim, or how it ended without one.
    pub(super) fn run(
        &self,
        process: &mut Process,
        arena: Arena,
        user: Option<u32>,
        dress: Dress,
        limit: Duration,
    ) -> anyhow::Result<Result<Claim, String>> {
        let briefing = serde_json::to_string(&Briefing { arena, user, dress })?;
        if !self.late {
            self.place(process)?;
        }
        process.tell(&briefing)?;
        let mut line = process.hear(limit)?;
        if self.late && line.as_deref() == Some(READY) {
            self.place(process)?;
            process.tell(GO)?;
            line = process.hear(limit)?;
        }
        match line {
            Some(line) => Ok(serde_json::from_str(&line).map_err(|error| error.to_string())),
            None => process.end().map(Err),
        }
    }

    fn place(&self, process: &Process) -> anyhow::Result<()> {
        let procs = self.cgroup.join("cgroup.procs");
        fs::write(&procs, process.id().to_string())
            .with_context(|| format!("cannot move a process into {}", self.cgroup.display()))
            .help("run as root, outside the agent's cgroup; the cgroup must be able to hold processes")
    }
}

impl Drop for Placement {
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        // The process that was in it may need a moment to be gone.
        for _ in 0..50 {
            if fs::remove_dir(&self.cgroup).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        tracing::warn!("cannot remove the cgroup {}", self.cgroup.display());
    }
}
