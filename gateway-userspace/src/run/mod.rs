//! `postern run`: starts a command as an agent. The command waits in a process of its own until it is in its cgroup
//! and the enforcer has said that this very cgroup is held; nothing of it runs before.

pub mod admission;
pub mod beliefs;
mod bridge;
pub mod cgroup;
mod command;
pub mod place;
mod supervise;
pub mod trial;
pub mod unit;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use anyhow::Context as _;
use gateway_policy::level::Level;
use nix::fcntl::OFlag;
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, pipe2};

use crate::config::{Agent, Config};
use crate::confine::Confinement;
use crate::report::{self, WithHelp as _};
use crate::run::beliefs::Beliefs;
use crate::run::bridge::Bridge;
use crate::run::cgroup::Cgroup;
use crate::run::command::{Failure, Waiting};
use crate::run::place::Place;
use crate::run::supervise::Signals;
use crate::sys::process::{Forked, fork};

pub use command::Words;

/// All that is known before the command's process is made.
#[derive(Debug)]
pub struct Plan<'a> {
    pub name: &'a str,
    pub agent: &'a Agent,
    pub config: &'a Config,
    pub cgroup_root: PathBuf,
    pub place: Place,
    pub confinement: Confinement,
    /// How well the command is held with what it gives up.
    pub level: Level,
    pub words: Words,
    pub beliefs: Beliefs,
}

/// What passes between the command and whoever called us.
#[derive(Debug)]
struct Caller {
    signals: Signals,
    bridge: Bridge,
}

/// Runs the command to its end and says with which status to exit.
pub fn run(plan: &Plan<'_>) -> anyhow::Result<u8> {
    let caller = Caller {
        signals: Signals::hold().context("cannot hold back signals")?,
        bridge: Bridge::lay().context("cannot replace the caller's sockets by pipes")?,
    };
    let (go, let_go) = pipe2(OFlag::O_CLOEXEC).context("cannot make a pipe")?;
    let (told, report) = pipe2(OFlag::O_CLOEXEC).context("cannot make a pipe")?;
    match fork().context("cannot start a process for the command")? {
        Forked::Child => {
            // The child must see the end of the pipe when its parent dies.
            drop(let_go);
            Waiting { go, report, caller: &caller }.become_command(plan)
        }
        Forked::Parent(command) => {
            drop((go, report));
            Started { command, let_go, told, caller }.attend(plan)
        }
    }
}

/// The command's process, waiting to be let go.
struct Started {
    command: Pid,
    let_go: OwnedFd,
    told: OwnedFd,
    caller: Caller,
}

impl Started {
    fn attend(self, plan: &Plan<'_>) -> anyhow::Result<u8> {
        let cgroup = match admit(plan, self.command) {
            Ok(cgroup) => cgroup,
            Err(error) => {
                // It ends when the pipe does.
                drop(self.let_go);
                waitpid(self.command, None).context("cannot wait for the command's process")?;
                return Err(error);
            }
        };
        File::from(self.let_go).write_all(&[1]).context("cannot let the command go")?;
        let Caller { signals, bridge } = self.caller;
        let carrying = bridge.carry();
        let mut told = Vec::new();
        File::from(self.told).read_to_end(&mut told).context("cannot hear from the command's process")?;
        let ending = signals.until_end(self.command).context("cannot wait for the command")?;
        drop(cgroup);
        carrying.finish();
        if let Some(failure) = Failure::read(&told) {
            report::print(&failure.into_error());
        }
        Ok(ending.status())
    }
}

/// Puts the waiting process into its cgroup and makes sure that the cgroup holds it.
fn admit(plan: &Plan<'_>, command: Pid) -> anyhow::Result<Cgroup> {
    let cgroup = Cgroup::make_for(command, &plan.place, &plan.cgroup_root)
        .with_context(|| format!("cannot place the command of agent {}", plan.name))?;
    if !plan.agent.danger_delegated {
        cgroup
            .must_be_roots(&plan.cgroup_root)
            .with_context(|| format!("agent {} would not be held", plan.name))
            .help(format!(
                "start it in a slice of the system's, or set agents.{}.danger_delegated",
                plan.name
            ))?;
    }
    let watched = admission::watched(&plan.config.enforce.socket, plan.name, cgroup.id()?, cgroup.path());
    admission::for_operator(plan.name, watched)?;
    let told = admission::tell(&plan.config.enforce.socket, cgroup.path(), &plan.cgroup_root, plan.level);
    admission::for_operator(plan.name, told)?;
    Ok(cgroup)
}
