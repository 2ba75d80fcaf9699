//! `postern policy test`.

use std::process::ExitCode;

use gateway_policy::judge::Verdict;
use gateway_policy::policy::{Jurisdiction, Policy};
use gateway_policy::rule::Subject;

use super::acting_for;
use crate::cli::Global;
use crate::config::{Case, Located};

/// How much of a statement is shown.
const SHOWN: usize = 100;

/// Try every case of the configuration: what is expected to be allowed is, and what is expected to be denied is
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these cases
    #[arg(value_name = "CASE")]
    only: Vec<String>,
}

impl Args {
    /// Exits with 1 if an expectation does not hold, or if there is none.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.load_config()?;
        let policy = config.policy();
        let wanted = |name: &String| self.only.is_empty() || self.only.contains(name);
        let mut tally = Tally::default();
        for (name, case) in config.cases.iter().filter(|(name, _)| wanted(name)) {
            tally.try_case(name, case, &policy);
        }
        println!("{} passed, {} failed", tally.passed, tally.failed);
        let holds = tally.failed == 0 && tally.passed > 0;
        Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[derive(Debug, Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Allowed,
    Held,
    Denied,
}

impl Tally {
    fn try_case(&mut self, name: &str, case: &Case, policy: &Policy) {
        let (agent, target) = (case.agent.value.as_str(), case.target.value.as_str());
        let jurisdiction = policy.over(&Subject {
            agent,
            person: acting_for(case.person.as_deref(), &case.groups).as_ref(),
            target,
            database: &case.database,
        });
        for statement in &case.allows {
            self.try_one(name, statement, Expected::Allowed, &jurisdiction);
        }
        for statement in &case.holds {
            self.try_one(name, statement, Expected::Held, &jurisdiction);
        }
        for statement in &case.denies {
            self.try_one(name, statement, Expected::Denied, &jurisdiction);
        }
    }

    fn try_one(&mut self, case: &str, text: &Located<String>, expected: Expected, rules: &Jurisdiction) {
        let verdict = rules.judge(&super::reading::facts(&text.value)).verdict();
        let wrong = match (expected, verdict) {
            (Expected::Allowed, Verdict::Allow(permit)) => {
                permit.observed().map(|denial| format!("would be denied: {}", denial.message))
            }
            (Expected::Allowed | Expected::Denied, Verdict::Hold(hold)) => {
                Some(format!("is held: {} waits for people", hold.what()))
            }
            (Expected::Held, Verdict::Hold(_)) => None,
            (Expected::Held, Verdict::Allow(_)) => Some("is allowed".to_owned()),
            (Expected::Allowed | Expected::Held, Verdict::Deny(denial)) => {
                Some(format!("is denied: {}", denial.message))
            }
            (Expected::Denied, Verdict::Allow(permit)) if permit.observed().is_none() => {
                Some("is allowed".to_owned())
            }
            (Expected::Denied, Verdict::Allow(_) | Verdict::Deny(_)) => None,
        };
        match wrong {
            None => self.passed += 1,
            Some(wrong) => {
                self.failed += 1;
                println!("{}: [cases.{case}] {wrong}\n    {}", text.place, shown(&text.value));
            }
        }
    }
}

/// The beginning of a statement, on one line.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = if line.chars().nth(SHOWN).is_some() { "…" } else { "" };
    line.chars().take(SHOWN).chain(rest.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn every_pack_allows_and_denies_what_it_is_for() {
        let config = config::fixture(include_str!("../../config/fixtures/packs/postern.toml"));
        let mut tally = Tally::default();
        for (name, case) in &config.cases {
            tally.try_case(name, case, &config.policy());
        }
        assert!(tally.failed == 0 && tally.passed > 130, "{tally:?}");
    }

    #[test]
    fn an_expectation_that_does_not_hold_fails() {
        let text = include_str!("../../config/fixtures/packs/postern.toml");
        let wrong = text.replace("\"table orders\",", "\"truncate orders\",");
        let config = config::fixture(&wrong);
        let mut tally = Tally::default();
        tally.try_case("wrong", &config.cases["read-only"], &config.policy());
        assert_eq!(tally.failed, 1);
    }
}
