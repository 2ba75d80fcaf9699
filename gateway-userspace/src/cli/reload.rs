//! `postern reload`.

use std::process::ExitCode;

use super::Global;
use crate::control::call::Nothing;
use crate::control::client;
use crate::control::reload::{ReloadCall, Reloaded};

/// Make the gateway read its configuration again, and say what came of it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Exits with 1 if the configuration has a mistake, so that the former one holds.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        // With a mistake the socket may be somewhere else; the gateway says what is wrong, if it can be reached.
        let config = global.load_config()?;
        let reloaded = client::ask::<ReloadCall>(&config.serve.control, &Nothing {})?;
        if self.json {
            println!("{:#}", serde_json::to_value(&reloaded)?);
        } else {
            print!("{}", people(&reloaded));
        }
        let refused = reloaded.reload.refused.is_some();
        Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn people(reloaded: &Reloaded) -> String {
    let mut lines = Vec::new();
    match &reloaded.reload.refused {
        Some(why) => lines.push(format!("refused: {why}; the former configuration holds")),
        None => lines.push("the gateway judges by this configuration now".to_owned()),
    }
    if !reloaded.reload.restart_needed.is_empty() {
        let keys = reloaded.reload.restart_needed.join(", ");
        lines.push(format!("from its next start: {keys}"));
    }
    for one in &reloaded.ended {
        lines.push(format!("ended: {} of agent {} at target {}", one.comm, one.agent, one.target));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Reload;

    #[test]
    fn what_waits_for_a_start_and_what_was_refused_is_said() {
        let reload = Reload { restart_needed: vec!["serve.port".to_owned()], refused: None };
        let done = Reloaded { reload: reload.clone(), ended: Vec::new() };
        assert!(people(&done).ends_with("now\nfrom its next start: serve.port\n"));
        let refused = Reload { refused: Some("a mistake".to_owned()), ..reload };
        assert!(people(&Reloaded { reload: refused, ..done }).starts_with("refused: a mistake; the former"));
    }
}
