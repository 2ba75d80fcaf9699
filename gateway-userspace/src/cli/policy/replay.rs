//! `postern policy replay`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::court::{Answer, Court};
use super::reading::{facts, supposing};
use super::recorded::{self, Commands, Recorded, Wanted};
use crate::cli::Global;
use crate::config::Config;

/// Judge recorded commands again by another configuration, and say what would have changed
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Record files, or folders with such; those of the configuration in force if there are none
    #[arg(value_name = "SESSIONS")]
    sessions: Vec<PathBuf>,
    /// The folder with the other configuration
    #[arg(long, value_name = "DIR")]
    against: PathBuf,
    /// Only commands of this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only commands that are not older, such as `7d` or `12h`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Where names without a schema are supposed to be, if that explains what was recorded
    #[arg(long, value_name = "NAME", default_value = "public")]
    schema: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Exits with 1 if something would have changed, or could not be told.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let now = global.load_config()?;
        let then = Config::load(&self.against)?;
        let folder = [now.serve.records.clone()];
        let paths = if self.sessions.is_empty() { &folder[..] } else { &self.sessions };
        let wanted = Wanted { agent: self.agent, since: self.since };
        let commands = recorded::read(paths, &wanted)?;
        let replay = Replay::of(&commands, &Court::new(&now), &Court::new(&then), &self.schema);
        if self.json {
            println!("{:#}", replay.machines(&commands));
        } else {
            print!("{}", replay.people(&commands, &self.against.display().to_string()));
        }
        Ok(if replay.lines.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What came of judging again.
#[derive(Debug, Default)]
struct Replay {
    lines: BTreeMap<Line, u64>,
    unchanged: u64,
    /// Commands that were judged with names supposed to be in a schema.
    supposed: u64,
}

/// What changes for commands of one shape.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    change: Change,
    agent: String,
    target: String,
    shape: String,
    why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Denied,
    Allowed,
    Observed,
    Held,
    Untold,
}

impl Change {
    const ALL: [Self; 5] = [Self::Denied, Self::Held, Self::Allowed, Self::Observed, Self::Untold];

    const fn words(self) -> &'static str {
        match self {
            Self::Denied => "would be denied",
            Self::Allowed => "would be allowed",
            Self::Observed => "would be let through and recorded as denied",
            Self::Held => "would wait for people",
            Self::Untold => "cannot be told",
        }
    }
}

/// What one recorded command comes to.
enum Again {
    Same,
    Changed(Change, String),
}

impl Replay {
    fn of(commands: &Commands, now: &Court<'_>, then: &Court<'_>, schema: &str) -> Self {
        let mut replay = Self::default();
        for command in &commands.commands {
            match replay.again(command, now, then, schema) {
                Again::Same => replay.unchanged += command.count,
                Again::Changed(change, why) => {
                    let line = Line {
                        change,
                        agent: command.subject.agent.clone(),
                        target: command.subject.target.clone(),
                        shape: gateway_sql::shape(&command.text),
                        why,
                    };
                    *replay.lines.entry(line).or_default() += command.count;
                }
            }
        }
        replay
    }

    /// A reading counts only if the rules in force answer to it what was recorded: then it sees what the gateway saw.
    fn again(&mut self, command: &Recorded, now: &Court<'_>, then: &Court<'_>, schema: &str) -> Again {
        let read = facts(&command.text);
        let explains = |facts: &_| now.judge(&command.subject, facts).answer() == command.outcome.answer();
        let facts = if explains(&read) {
            read
        } else if let Some(supposed) = supposing(schema, &read).filter(explains) {
            self.supposed += command.count;
            supposed
        } else {
            let was = match command.outcome.answer() {
                Answer::Allowed | Answer::Observed => "it was let through",
                Answer::Held => "it was held",
                Answer::Denied => "it was denied",
            };
            return Again::Changed(Change::Untold, format!("{was}, which the rules in force do not explain"));
        };
        let outcome = then.judge(&command.subject, &facts);
        let why = outcome.why().unwrap_or_default().to_owned();
        match (command.outcome.answer(), outcome.answer()) {
            (before, after) if before == after => Again::Same,
            (_, Answer::Denied) => Again::Changed(Change::Denied, why),
            (_, Answer::Allowed) => {
                Again::Changed(Change::Allowed, command.outcome.why().unwrap_or_default().to_owned())
            }
            (_, Answer::Observed) => Again::Changed(Change::Observed, why),
            (_, Answer::Held) => Again::Changed(Change::Held, why),
        }
    }

    fn people(&self, commands: &Commands, against: &str) -> String {
        let total: u64 = self.unchanged + self.lines.values().sum::<u64>();
        let mut lines = vec![format!(
            "{} of {} judged again by {against}",
            counted(total, "command"),
            counted(commands.sessions as u64, "session")
        )];
        for change in Change::ALL {
            let mut count = 0;
            let mut below = Vec::new();
            for (line, times) in self.lines.iter().filter(|(line, _)| line.change == change) {
                count += times;
                let Line { agent, target, shape, why, .. } = line;
                below.push(format!("    {times} × {shape}"));
                let was = if change == Change::Allowed && !why.is_empty() { "it was denied: " } else { "" };
                below.push(format!("        agent {agent}, target {target}: {was}{why}"));
            }
            if count > 0 {
                lines.push(format!("{count} {}", change.words()));
                lines.append(&mut below);
            }
        }
        lines.push(format!("{} as before", self.unchanged));
        if self.supposed > 0 {
            let names = "with names that have no schema taken for the default one";
            lines.push(format!("{} were judged {names}", counted(self.supposed, "command")));
        }
        lines.join("\n") + "\n"
    }

    fn machines(&self, commands: &Commands) -> serde_json::Value {
        let changes: Vec<_> = self
            .lines
            .iter()
            .map(|(line, count)| {
                let Line { change, agent, target, shape, why } = line;
                json!({
                    "change": change.words(), "agent": agent, "target": target, "shape": shape,
                    "why": why, "count": count,
                })
            })
            .collect();
        json!({
            "sessions": commands.sessions,
            "unchanged": self.unchanged,
            "supposed_schema": self.supposed,
            "changes": changes,
        })
    }
}

fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
