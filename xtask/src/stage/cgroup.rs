//! The cgroup of an agent, and how a command is started in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Stage, wait_for};
use crate::workspace;

/// A cgroup that was made for an agent.
#[derive(Debug)]
pub(crate) struct AgentCgroup {
    dir: PathBuf,
}

impl AgentCgroup {
    /// Makes `/PARENT/NAME` in the cgroup2 hierarchy. Whatever still runs in it at the end is killed.
    pub(crate) fn make(stage: &Stage, parent: &str, name: &str) -> Result<Self> {
        let parent = root()?.join(parent);
        let dir = parent.join(name);
        stage.set_up("the agent's cgroup", || {
            // A run that was killed may have left it behind.
            std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
            let gone = dir.clone();
            let undo = move || {
                remove(&gone)?;
                // It goes with the last of its agents.
                let _ = std::fs::remove_dir(parent);
                Ok(())
            };
            Ok((Self { dir }, Box::new(undo)))
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A command that moves itself in here before it becomes what follows.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", r#"echo $$ > "$0" && exec "$@""#]).arg(self.dir.join("cgroup.procs"));
        command
    }
}

fn root() -> Result<PathBuf> {
    let mounts = workspace::mounts()?;
    let found = mounts.into_iter().find(|mount| mount.kind == "cgroup2").map(|mount| mount.path);
    found.context("no cgroup2 hierarchy is mounted; try: mount -t cgroup2 none /sys/fs/cgroup")
}

fn remove(dir: &Path) -> Result<()> {
    std::fs::write(dir.join("cgroup.kill"), "1").context("cannot end what runs in it")?;
    wait_for("its processes to be gone", Duration::from_secs(5), || std::fs::remove_dir(dir).ok())
        .with_context(|| format!("cannot remove {}", dir.display()))
}
