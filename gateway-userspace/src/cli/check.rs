//! `postern check`: every mistake of the configuration at once, or what it puts in force.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Global;
use crate::config::{Config, Mistakes};
use crate::report::{self, counted};

/// Check the configuration: list every mistake, or say what is in force
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match (Config::load(&global.config_dir), self.json) {
            (Ok(config), false) => print!("{}", summary(&config)),
            (Ok(config), true) => println!("{:#}", in_force(&config)),
            (Err(mistakes), false) => return Err(mistakes.into()),
            (Err(mistakes), true) => {
                println!("{:#}", refused(&mistakes));
                return Ok(report::wrong_config());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn summary(config: &Config) -> String {
    let mut lines = vec![format!(
        "ok: {}, {}, {}",
        counted(config.agents.len(), "agent"),
        counted(config.targets.len(), "target"),
        counted(config.rules.len(), "rule")
    )];
    for (name, agent) in &config.agents {
        lines.push(format!("agent {name}"));
        lines.extend(agent.watch.iter().map(|designation| format!("  watch   {designation}")));
        lines.extend(agent.targets.iter().map(|target| format!("  target  {target}")));
        lines.extend(agent.unix_sockets.iter().map(|peer| format!("  socket  {peer}")));
        lines.push(format!("  inbound {}", agent.inbound.name()));
    }
    for (name, target) in &config.targets {
        let (hosts, ports) = (listed(&target.hosts), listed(&target.ports));
        lines.push(format!("target {name}: {} to {hosts}, port {ports}", target.protocol.name()));
    }
    if config.agents.is_empty() {
        lines.push("warning: there are no agents, so nothing is watched".to_string());
    }
    for (agent, target) in config.without_leave() {
        lines.push(format!("warning: no rule allows agent {agent} anything at target {target}"));
    }
    for danger in config.dangers() {
        lines.push(format!("warning: [{}] {}: {}", danger.table, danger.key, danger.what));
    }
    lines.join("\n") + "\n"
}

fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn in_force(config: &Config) -> Value {
    let agents = config.agents.iter().map(|(name, agent)| {
        let watch: Vec<String> = agent.watch.iter().map(ToString::to_string).collect();
        let sockets: Vec<String> = agent.unix_sockets.iter().map(ToString::to_string).collect();
        let facts = json!({
            "id": Config::agent_id(name),
            "watch": watch,
            "targets": agent.targets,
            "unix_sockets": sockets,
            "inbound": agent.inbound.name(),
        });
        (name.clone(), facts)
    });
    let targets = config.targets.iter().map(|(name, target)| {
        let hosts: Vec<String> = target.hosts.iter().map(ToString::to_string).collect();
        (name.clone(), json!({ "protocol": target.protocol, "hosts": hosts, "ports": target.ports }))
    });
    json!({
        "ok": true,
        "minimum_level": config.enforce.minimum_level,
        "agents": Value::Object(agents.collect()),
        "targets": Value::Object(targets.collect()),
        "rules": config.rules.iter().map(|rule| &*rule.name).collect::<Vec<_>>(),
        "dangers": config.dangers(),
    })
}

fn refused(mistakes: &Mistakes) -> Value {
    json!({ "ok": false, "mistakes": mistakes })
}
