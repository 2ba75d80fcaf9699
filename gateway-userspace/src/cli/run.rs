//! `postern run`.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use gateway_policy::level::Level;
use nix::unistd::Uid;

use super::Global;
use crate::attribution::status::enforcer_status;
use crate::attribution::wire::EnforcerStatus;
use crate::config::{Agent, Config, UnixPeer};
use crate::confine::{Account, Confinement, Strength};
use crate::mounts;
use crate::report::WithHelp as _;
use crate::run::admission::{self, NotAdmitted};
use crate::run::beliefs::Beliefs;
use crate::run::{self, Plan, Words, place};

/// Start a command as an agent, inside its cgroup
///
/// The command's exit status, signals and terminal are those of `postern run`. What the command leaves running
/// in the background ends with it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent, by its name in the configuration
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// The ordinary user to run as; under sudo, the user who called it
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Give up in the process itself what the kernel would refuse, even where it refuses everything
    #[arg(long)]
    confine: bool,
    /// The command; without one, the user's shell
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.load_config()?;
        let agent = agent_named(&config, &self.agent)?;
        if !Uid::effective().is_root() {
            return Err(anyhow::Error::msg("only root can put a command into an agent's cgroup"))
                .help("call it with sudo; the command itself runs as an ordinary user");
        }
        let account = self.account(agent)?;
        let cgroup_root = mounts::cgroup2_root(config.enforce.cgroup_root.as_deref())
            .context("cannot find the cgroups of agents")
            .help("mount cgroup2, or set enforce.cgroup_root to where it is mounted")?;
        let maker = place::Maker::of_this_host();
        let place = place::choose(&self.agent, &agent.watch, maker, std::process::id()).or_else(|none| {
            let remedy = none.remedy();
            Err(none).help(remedy)
        })?;
        let status = enforcer_status(&config.enforce.socket).map_err(NotAdmitted::from);
        let status = admission::for_operator(&self.agent, status)?;
        let strength = self.strength(&status);
        let level = admission::level(&status, strength, config.enforce.minimum_level);
        let level = admission::for_operator(&self.agent, level)?;
        let words = self.words(&account);
        let confinement = Confinement::prepare(account, strength, socket_paths(agent))
            .context("cannot prepare the command's confinement")?;
        announce(&self.agent, level, &confinement);
        let beliefs = Beliefs::of(agent, &config, |name| env::var_os(name).is_some());
        let plan = Plan {
            name: &self.agent,
            agent,
            config: &config,
            cgroup_root,
            place,
            confinement,
            level,
            words,
            beliefs,
        };
        Ok(ExitCode::from(run::run(&plan)?))
    }

    fn account(&self, agent: &Agent) -> anyhow::Result<Account> {
        let caller = || env::var("SUDO_USER").ok().filter(|name| name != "root");
        let name = self.user.clone().or_else(caller);
        let name = name
            .context("it is not said which user the command runs as")
            .help("name an ordinary user with --user")?;
        let account = Account::named(&name).context("cannot tell which user the command runs as")?;
        if account.is_root() && !agent.danger_root {
            return Err(anyhow::Error::msg(format!("agent {} may not run as root", self.agent))).help(format!(
                "name an ordinary user with --user; root can be held against network calls but not contained, agents.{}.danger_root accepts that",
                self.agent
            ));
        }
        Ok(account)
    }

    /// Where the kernel does not refuse everything, the command gives it up itself.
    fn strength(&self, status: &EnforcerStatus) -> Strength {
        match status.level {
            Some(Level::Full) if !self.confine => Strength::Baseline,
            Some(Level::Full | Level::Unit | Level::Cgroup) | None => Strength::Unit,
        }
    }

    fn words(&self, account: &Account) -> Words {
        let mut words = self.command.iter().cloned();
        let program = words.next().unwrap_or_else(|| account.shell.clone().into_os_string());
        Words { program, arguments: words.collect() }
    }
}

pub fn agent_named<'a>(config: &'a Config, name: &str) -> anyhow::Result<&'a Agent> {
    let Some(agent) = config.agents.get(name) else {
        let known: Vec<&str> = config.agents.keys().map(String::as_str).collect();
        bail!("there is no agent {name} in the configuration; there are {}", known.join(", "));
    };
    Ok(agent)
}

fn socket_paths(agent: &Agent) -> Vec<PathBuf> {
    let path = |peer: &UnixPeer| match peer {
        UnixPeer::Path(path) => Some(path.clone()),
        UnixPeer::Abstract(_) => None,
    };
    agent.unix_sockets.iter().filter_map(path).collect()
}

/// Below the full level the operator is told each time what stands open.
fn announce(agent: &str, level: Level, confinement: &Confinement) {
    let open = confinement.gaps().join(", ");
    match level {
        Level::Full => {}
        Level::Unit | Level::Cgroup if open.is_empty() => {
            tracing::warn!(agent, %level, "not the full level");
        }
        Level::Unit | Level::Cgroup => tracing::warn!(agent, %level, open, "not the full level"),
    }
}
