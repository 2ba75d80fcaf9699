//! `postern status`: what runs, at which level, what agents do and what was refused to them, on one screen.

pub(super) mod screen;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use gateway_policy::level::Level;
use serde_json::{Value, json};

use super::Global;
use crate::attribution::status::enforcer_status;
use crate::config::{Config, Danger};
use crate::control::{EnforcerSeen, Status, client};
use crate::report::one_line;

/// Show agents, connections, refusals and health
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Exits with 0 only if agents are held and can work.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let view = View::of(&global.load_config()?);
        if self.json {
            println!("{:#}", view.json()?);
        } else {
            print!("{}", screen::draw(&view));
        }
        Ok(if view.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// All that is shown.
#[derive(Debug)]
struct View {
    gateway: Gateway,
    enforcer: EnforcerSeen,
    minimum: Level,
    dangers: Vec<Danger>,
}

/// What the gateway says, or why it says nothing.
#[derive(Debug)]
enum Gateway {
    Answers(Box<Status>),
    Gone { why: String },
}

impl View {
    fn of(config: &Config) -> Self {
        let gateway = match client::status(&config.serve.control) {
            Ok(status) => Gateway::Answers(Box::new(status)),
            Err(error) => Gateway::Gone { why: format!("{error:#}") },
        };
        let enforcer = match &gateway {
            Gateway::Answers(status) => status.enforcer.clone(),
            Gateway::Gone { .. } => ask_enforcer(config),
        };
        Self { gateway, enforcer, minimum: config.enforce.minimum_level, dangers: config.dangers() }
    }

    /// Whether agents are held as the configuration asks, and the gateway can carry what they may do.
    fn is_healthy(&self) -> bool {
        let held = match &self.enforcer {
            EnforcerSeen::Answers(status) => {
                status.level.is_some_and(|level| level.admits_agents(self.minimum))
            }
            EnforcerSeen::Gone { .. } => false,
        };
        held && matches!(self.gateway, Gateway::Answers(_))
    }

    /// The enforcer's word stands beside the gateway's, whoever brought it.
    fn json(&self) -> serde_json::Result<Value> {
        let gateway = match &self.gateway {
            Gateway::Answers(status) => {
                let mut facts = serde_json::to_value(status)?;
                facts.as_object_mut().map(|facts| facts.remove("enforcer"));
                json!({ "answers": facts })
            }
            Gateway::Gone { why } => json!({ "gone": { "why": why } }),
        };
        Ok(json!({
            "healthy": self.is_healthy(),
            "gateway": gateway,
            "enforcer": self.enforcer,
            "minimum_level": self.minimum,
            "dangers": self.dangers,
        }))
    }
}

fn ask_enforcer(config: &Config) -> EnforcerSeen {
    match enforcer_status(&config.enforce.socket) {
        Ok(status) => EnforcerSeen::Answers(status),
        Err(error) => EnforcerSeen::Gone { why: one_line(&error) },
    }
}
