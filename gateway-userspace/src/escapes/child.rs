//! The process that makes one attempt: placed into the cgroup by the runner, told its arena, then on its own.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use anyhow::Context;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use serde::{Deserialize, Serialize};

use super::arena::Arena;
use super::named;
use super::outcome::Claim;
use crate::confine::{Account, Confinement, Strength};
use crate::sys::raw::{self, During, Stopped};

/// What the runner writes to the child, as one line of JSON, once the child is where it belongs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Briefing {
    pub(super) arena: Arena,
    /// The ordinary user to become; root stays root.
    pub(super) user: Option<u32>,
    pub(super) dress: Dress,
}

/// How the attempt's process is dressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dress {
    /// As any process that happens to be in the cgroup.
    Plain,
    /// As a command that `postern run --confine` starts.
    Confined,
}

/// What the child says when it has opened its sockets and may be moved.
pub(super) const READY: &str = "ready";
/// What it hears when it has been moved.
pub(super) const GO: &str = "go";

/// Reads its briefing, makes the attempt, prints the claim. Meant for a process of its own, since an attempt may
/// change user, namespaces and cgroup for good.
pub fn attempt_from_standard_input(name: &str) -> anyhow::Result<ExitCode> {
    let attempt = named(name).with_context(|| format!("no escape attempt is called {name}"))?;
    let briefing: Briefing = serde_json::from_str(&line()?).context("cannot read the briefing")?;
    match (briefing.dress, briefing.user) {
        (Dress::Confined, user) => confine(user.unwrap_or_default())?,
        (Dress::Plain, Some(user)) => become_user(user).context("cannot become an ordinary user")?,
        (Dress::Plain, None) => {}
    }
    let claim = (attempt.run)(&briefing.arena).unwrap_or_else(Claim::Refused);
    say(&serde_json::to_string(&claim)?)?;
    Ok(ExitCode::SUCCESS)
}

/// For attempts that open their sockets as strangers: comes back when the runner has moved us into the cgroup.
pub(super) fn enter_cgroup() -> Result<(), Stopped> {
    say(READY).and_then(|()| line()).during("enter the cgroup").map(drop)
}

/// Gives up what an agent's command gives up at the level `unit`.
fn confine(user: u32) -> anyhow::Result<()> {
    let account = Account {
        name: c"nobody".into(),
        uid: Uid::from_raw(user),
        gid: Gid::from_raw(user),
        home: "/".into(),
        shell: "/bin/sh".into(),
    };
    let confinement = Confinement::prepare(account, Strength::Unit, Vec::new())?;
    confinement.enter(io::stdin().as_fd())?;
    Ok(raw::become_dumpable()?)
}

pub(super) fn become_user(user: u32) -> Result<(), Stopped> {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(user));
    setgroups(&[]).during("setgroups")?;
    setresgid(group, group, group).during("setresgid")?;
    setresuid(user, user, user).during("setresuid")?;
    raw::become_dumpable()
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).map(|_| line)
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
