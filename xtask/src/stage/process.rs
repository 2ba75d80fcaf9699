//! Processes that run beside this one, and end with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Stage, lock, wait_for};
use crate::command;

/// How long a service may take to stop in order.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process of ours. Everything it prints goes to its log.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) log: PathBuf,
    child: Arc<Mutex<Child>>,
}

/// A command that becomes another user without any privilege, and ends when this process does, however that ends.
pub(crate) fn as_user(user: &str, group: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={user}"), format!("--regid={group}")]);
    command.args(["--clear-groups", "--inh-caps=-all", "--no-new-privs", "--pdeathsig=KILL", "--"]);
    command
}

/// A command that stays root, and ends when this process does.
pub(crate) fn as_root() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig=KILL", "--"]);
    command
}

impl Process {
    pub(crate) fn start(stage: &Stage, name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        use std::os::unix::process::CommandExt;
        stage.set_up(name, || {
            let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
            // In a group of its own, where Ctrl-C does not reach it before its turn has come.
            command.process_group(0).stdin(Stdio::null());
            command.stdout(output.try_clone()?).stderr(output);
            let child =
                command.spawn().with_context(|| format!("cannot start `{}`", command::line(command)))?;
            let process = Self { pid: child.id(), log: log.to_owned(), child: Arc::new(Mutex::new(child)) };
            let child = Arc::clone(&process.child);
            Ok((process, Box::new(move || stop(&child).map(drop))))
        })
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(&self) -> Result<ExitStatus> {
        stop(&self.child)
    }

    /// As a crash would end it.
    pub(crate) fn kill(&self) -> Result<()> {
        let mut child = lock(&self.child);
        child.kill().context("cannot kill it")?;
        child.wait().context("cannot wait for its end")?;
        Ok(())
    }

    /// Waits until it is as it should be; if it ends before that, its log says why.
    pub(crate) fn wait_for<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> Result<T> {
        let answer = wait_for(what, Duration::from_secs(30), || match self.ended() {
            Some(_) => Some(None),
            None => ask().map(Some),
        })?;
        match answer {
            Some(answer) => Ok(answer),
            None => bail!("it ended before {what}:\n{}", self.output().trim_end()),
        }
    }

    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn ended(&self) -> Option<ExitStatus> {
        lock(&self.child).try_wait().ok().flatten()
    }
}

fn stop(child: &Mutex<Child>) -> Result<ExitStatus> {
    let mut child = lock(child);
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    kill(Pid::from_raw(child.id().try_into()?), Signal::SIGTERM).context("cannot ask it to stop")?;
    if let Ok(status) = wait_for("its end", PATIENCE, || child.try_wait().ok().flatten()) {
        return Ok(status);
    }
    child.kill()?;
    Ok(child.wait()?)
}
