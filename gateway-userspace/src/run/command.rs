//! The process that becomes the agent's command. Until it is let go it does nothing but wait.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{Caller, Plan};
use crate::confine::Confinement;

/// Statuses by which shells tell that a command was not started.
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// A command line.
#[derive(Debug)]
pub struct Words {
    pub program: OsString,
    pub arguments: Vec<OsString>,
}

/// Why the command's process did not become the command; told to its parent, which can still speak to the operator.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failure {
    act: String,
    causes: Vec<String>,
    status: u8,
}

impl Failure {
    /// `None` when nothing was told, which means that the command started.
    pub fn read(told: &[u8]) -> Option<Self> {
        serde_json::from_slice(told).ok()
    }

    pub fn into_error(self) -> anyhow::Error {
        let mut links = self.causes.into_iter().rev().chain([self.act]);
        let innermost = anyhow::Error::msg(links.next().unwrap_or_default());
        links.fold(innermost, anyhow::Error::context)
    }

    fn of(error: &anyhow::Error, status: u8) -> Self {
        let mut chain = error.chain().map(ToString::to_string);
        Self { act: chain.next().unwrap_or_default(), causes: chain.collect(), status }
    }
}

/// What the waiting process holds.
#[derive(Debug)]
pub struct Waiting<'a> {
    pub go: OwnedFd,
    pub report: OwnedFd,
    pub caller: &'a Caller,
}

impl Waiting<'_> {
    pub fn become_command(self, plan: &Plan<'_>) -> ! {
        let Self { go, report, caller } = self;
        if File::from(go).read_exact(&mut [0]).is_err() {
            // The parent says why.
            process::exit(i32::from(NOT_STARTED));
        }
        let failure = attempt(&report, caller, plan);
        let told = serde_json::to_vec(&failure).unwrap_or_default();
        // Without a reader there is nobody left to tell.
        let _ = File::from(report).write_all(&told);
        process::exit(i32::from(failure.status))
    }
}

/// Comes back only with a failure.
fn attempt(report: &OwnedFd, caller: &Caller, plan: &Plan<'_>) -> Failure {
    if let Err(error) = prepare(report, caller, &plan.confinement) {
        return Failure::of(&error, NOT_STARTED);
    }
    // What Rust did to SIGPIPE, the standard library's `exec` undoes.
    let error = command(plan).exec();
    let status = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_STARTED };
    let act = format!("cannot start {}", plan.words.program.display());
    Failure::of(&anyhow::Error::from(error).context(act), status)
}

fn prepare(report: &OwnedFd, caller: &Caller, confinement: &Confinement) -> anyhow::Result<()> {
    caller.bridge.cross().context("cannot replace the caller's sockets by pipes")?;
    confinement.enter(report.as_fd()).context("cannot confine the command")?;
    caller.signals.release().context("cannot let signals through")
}

fn command(plan: &Plan<'_>) -> Command {
    let (account, words) = (plan.confinement.account(), &plan.words);
    let mut command = Command::new(&words.program);
    let name = std::ffi::OsStr::from_bytes(account.name.as_bytes());
    command.args(&words.arguments);
    command.env("HOME", &account.home).env("SHELL", &account.shell).env("USER", name).env("LOGNAME", name);
    command.envs(plan.beliefs.iter());
    // Who called sudo is not the agent's business.
    env::vars_os().filter(|(key, _)| key.as_bytes().starts_with(b"SUDO_")).for_each(|(key, _)| {
        command.env_remove(key);
    });
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_the_same_on_the_other_side() {
        let error = anyhow::Error::msg("no such thing").context("cannot look").context("cannot start");
        let told = serde_json::to_vec(&Failure::of(&error, NOT_STARTED)).unwrap();
        let heard = Failure::read(&told).unwrap().into_error();
        assert_eq!(format!("{heard:#}"), format!("{error:#}"));
    }

    #[test]
    fn silence_means_that_the_command_started() {
        assert!(Failure::read(b"").is_none());
    }
}
