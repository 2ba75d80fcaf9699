//! `postern ready`: asked by the units in systemd/ before an agent starts. It fails where an agent would not be held.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use gateway_policy::level::Level;

use super::Global;
use super::run::agent_named;
use crate::attribution::status::{enforcer_status, tell_reached};
use crate::config::{Agent, Config};
use crate::confine::Strength;
use crate::mounts;
use crate::report::WithHelp as _;
use crate::run::admission::{self, NotAdmitted};
use crate::run::{trial, unit};

/// Fail unless agents are held: all of them, one, or the one that a systemd unit belongs to
#[derive(Debug, clap::Args)]
pub struct Args {
    /// This agent only
    #[arg(long, value_name = "NAME", conflicts_with = "unit")]
    agent: Option<String>,
    /// The agent of this systemd unit, which must be as strict as the level needs
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.load_config()?;
        match (&self.agent, &self.unit) {
            (Some(name), _) => all_held(&config, &[(name, agent_named(&config, name)?)])?,
            (None, Some(unit)) => unit_held(&config, unit)?,
            (None, None) => all_held(&config, &named(&config.agents))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn named(agents: &BTreeMap<String, Agent>) -> Vec<(&str, &Agent)> {
    agents.iter().map(|(name, agent)| (name.as_str(), agent)).collect()
}

/// What a unit gives up is not known here; `postern run` and each unit's own start see to it.
fn all_held(config: &Config, agents: &[(&str, &Agent)]) -> anyhow::Result<()> {
    for (name, agent) in agents {
        level_reached(config, name, Strength::Unit)?;
        try_out(config, name, agent)?;
    }
    Ok(())
}

fn unit_held(config: &Config, unit_name: &str) -> anyhow::Result<()> {
    let unit = unit::ask_systemd(unit_name)?;
    let (name, agent) = unit
        .agent(&config.agents)
        .with_context(|| {
            format!("no agent of the configuration is meant by {unit_name} in {}", unit.cgroup())
        })
        .help("add the unit to an agent: unit = \"…\" in [agents.NAME]")?;
    let mistakes = unit.mistakes(agent);
    if let Some((mistake, remedy)) = mistakes.first() {
        return Err(anyhow::Error::msg(*mistake))
            .with_context(|| format!("{unit_name} may not start as agent {name}"))
            .help(*remedy);
    }
    let missing = unit.missing();
    let strength = if missing.is_empty() { Strength::Unit } else { Strength::Baseline };
    let level = level_reached(config, name, strength).or_else(|error| match strength {
        Strength::Unit => Err(error),
        Strength::Baseline => Err(error).help(format!(
            "give {unit_name} what example-agent@.service has; it lacks {}",
            missing.join(", ")
        )),
    })?;
    try_out(config, name, agent)?;
    let told = tell_reached(&config.enforce.socket, &unit.cgroup(), level).map_err(NotAdmitted::from);
    admission::for_operator(name, told)
}

fn level_reached(config: &Config, agent: &str, strength: Strength) -> anyhow::Result<Level> {
    let status = enforcer_status(&config.enforce.socket).map_err(NotAdmitted::from);
    let status = admission::for_operator(agent, status)?;
    let level = admission::level(&status, strength, config.enforce.minimum_level);
    admission::for_operator(agent, level)
}

/// A cgroup like the agent's is made, must be watched as the agent's, and is removed.
fn try_out(config: &Config, name: &str, agent: &Agent) -> anyhow::Result<()> {
    let root = mounts::cgroup2_root(config.enforce.cgroup_root.as_deref())
        .context("cannot find the cgroups of agents")?;
    let Some(trial) = trial::make(name, agent, &root)? else { return Ok(()) };
    let watched = admission::watched(&config.enforce.socket, name, trial.id()?, trial.path());
    admission::for_operator(name, watched)
}
