//! `postern policy suggest`.

mod cover;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use gateway_policy::facts::Facts;

use super::court::{Answer, Court, Subject};
use super::reading::{facts, supposing};
use super::recorded::{self, Commands, Recorded, Wanted};
use crate::cli::Global;
use crate::config::{self, Config, Judging};
use cover::Cover;

/// Write the rules that allow an agent what it did, and nothing else
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Record files, or folders with such; those of the configuration in force if there are none
    #[arg(value_name = "SESSIONS")]
    sessions: Vec<PathBuf>,
    /// The agent
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// Only what is not older, such as `7d` or `12h`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Where names without a schema are supposed to be
    #[arg(long, value_name = "NAME", default_value = "public")]
    schema: String,
}

impl Args {
    /// Exits with 1 if something that was let through is not covered.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.load_config()?;
        let folder = [config.serve.records.clone()];
        let paths = if self.sessions.is_empty() { &folder[..] } else { &self.sessions };
        let wanted = Wanted { agent: Some(self.agent.clone()), since: self.since };
        let commands = recorded::read(paths, &wanted)?;
        let suggestion = Suggestion::of(&commands, &config, &self.schema)?;
        if suggestion.covered == 0 {
            bail!("nothing of agent `{}` that was let through is in these records", self.agent);
        }
        print!("{}", suggestion.text);
        Ok(if suggestion.uncovered == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Rules as a text, and how far they reach.
#[derive(Debug, Default)]
struct Suggestion {
    text: String,
    covered: u64,
    uncovered: u64,
}

impl Suggestion {
    fn of(commands: &Commands, config: &Config, schema: &str) -> anyhow::Result<Self> {
        let let_through =
            |command: &&Recorded| matches!(command.outcome.answer(), Answer::Allowed | Answer::Observed);
        let mut places: BTreeMap<&Subject, Vec<(&Recorded, Facts)>> = BTreeMap::new();
        for command in commands.commands.iter().filter(let_through) {
            let read = facts(&command.text);
            let facts = supposing(schema, &read).unwrap_or(read);
            places.entry(&command.subject).or_default().push((command, facts));
        }
        let mut rules = Vec::new();
        let mut number = 0;
        for (subject, done) in &places {
            let mut cover = Cover::default();
            done.iter().for_each(|(_, facts)| cover.add(facts));
            rules.push((*subject, cover.rules(subject, &mut number)));
        }
        let text: String = rules.iter().map(|(_, text)| text.as_str()).collect();
        // By the code that reads and judges: what is not allowed then is said, not hoped for.
        let suggested = Config {
            rules: config::rules_of(&text).context("the suggested rules cannot be read")?,
            postgres: enforced(config),
            ..config.clone()
        };
        let court = Court::new(&suggested);
        let mut suggestion = Self::default();
        for (subject, rules) in rules {
            let done = places.get(subject).map(Vec::as_slice).unwrap_or_default();
            suggestion.add(subject, &rules, done, &court);
        }
        Ok(suggestion)
    }

    fn add(&mut self, subject: &Subject, rules: &str, done: &[(&Recorded, Facts)], court: &Court<'_>) {
        let Subject { agent, target, database, .. } = subject;
        let total: u64 = done.iter().map(|(command, _)| command.count).sum();
        let mut lines = vec![format!(
            "# What agent {agent} did at target {target}, database {database}: {total} commands of {} texts.",
            done.len()
        )];
        for (command, facts) in done {
            match court.judge(subject, facts).why() {
                None => self.covered += command.count,
                Some(why) => {
                    self.uncovered += command.count;
                    lines.push(format!("# Not covered: {} ({why})", gateway_sql::shape(&command.text)));
                }
            }
        }
        self.text.push_str(&lines.join("\n"));
        self.text.push('\n');
        self.text.push_str(rules);
    }
}

/// Where commands are not judged, or only observed, rules are suggested for when they are.
fn enforced(config: &Config) -> BTreeMap<String, config::Postgres> {
    let mut all = config.postgres.clone();
    all.values_mut().for_each(|keys| keys.judging = Judging::Enforce);
    all
}

#[cfg(test)]
mod tests;
