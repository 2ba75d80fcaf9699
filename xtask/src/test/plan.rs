//! What a run is to do, from the words on the command line.

use anyhow::{Result, bail};

use super::Args;
use super::suites::Suite;
use crate::guest::Kernel;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    Lint,
    Pure,
    Host,
    Guest,
}

impl Tier {
    const ALL: [Self; 4] = [Self::Lint, Self::Pure, Self::Host, Self::Guest];

    fn name(self) -> &'static str {
        match self {
            Self::Lint => "lint",
            Self::Pure => "pure",
            Self::Host => "host",
            Self::Guest => "guest",
        }
    }
}

#[derive(Debug)]
pub(super) struct Plan {
    tiers: Vec<Tier>,
    pub(super) suites: Vec<Suite>,
    pub(super) kernels: Vec<Kernel>,
    /// Handed to every test binary.
    pub(super) pass: Vec<String>,
}

impl Plan {
    /// Words that are tiers choose tiers, the others choose suites. Suites alone run wherever suites run.
    pub(super) fn new(args: &Args, known: Vec<Suite>) -> Result<Self> {
        let (tier_words, suite_words): (Vec<_>, Vec<_>) =
            args.what.iter().partition(|word| Tier::ALL.iter().any(|tier| tier.name() == **word));
        for word in &suite_words {
            if !known.iter().any(|suite| suite.is_part_of(word)) {
                let names: Vec<_> = known.iter().map(|suite| suite.path.as_str()).collect();
                bail!("`{word}` is neither a tier nor a suite; suites are: {}", names.join(", "));
            }
        }
        let chosen =
            |suite: &Suite| suite_words.is_empty() || suite_words.iter().any(|word| suite.is_part_of(word));
        Ok(Self {
            tiers: tiers(&tier_words, !suite_words.is_empty()),
            suites: known.into_iter().filter(chosen).collect(),
            kernels: if args.kernel.is_empty() { Kernel::ALL.to_vec() } else { args.kernel.clone() },
            pass: args.pass.clone(),
        })
    }

    pub(super) fn has(&self, tier: Tier) -> bool {
        self.tiers.contains(&tier)
    }

    /// Suites drive the built binary; the other tiers do without it.
    pub(super) fn needs_product(&self) -> bool {
        self.has(Tier::Host) || self.has(Tier::Guest)
    }
}

fn tiers(words: &[&String], suites_chosen: bool) -> Vec<Tier> {
    let named = |tier: &Tier| words.iter().any(|word| *word == tier.name());
    match (words.is_empty(), suites_chosen) {
        (true, true) => vec![Tier::Host, Tier::Guest],
        (true, false) => Tier::ALL.to_vec(),
        (false, _) => Tier::ALL.into_iter().filter(named).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::suites::Places;
    use super::*;

    fn plan(what: &[&str]) -> Result<Plan> {
        let what = what.iter().map(|word| (*word).to_owned()).collect();
        let suites = ["attacks/capture", "lifecycle"].map(|path| Suite {
            path: path.into(),
            target: path.replace('/', "-"),
            places: Places::Everywhere,
        });
        Plan::new(&Args { what, kernel: vec![], pass: vec![] }, suites.into())
    }

    fn suite_paths(plan: &Plan) -> Vec<&str> {
        plan.suites.iter().map(|suite| suite.path.as_str()).collect()
    }

    #[test]
    fn nothing_said_means_everything() {
        let plan = plan(&[]).unwrap();
        assert_eq!(plan.tiers, Tier::ALL);
        assert_eq!(plan.suites.len(), 2);
    }

    #[test]
    fn a_folder_of_suites_runs_on_host_and_guest_and_nothing_else_does() {
        let plan = plan(&["attacks"]).unwrap();
        assert_eq!(plan.tiers, [Tier::Host, Tier::Guest]);
        assert_eq!(suite_paths(&plan), ["attacks/capture"]);
    }

    #[test]
    fn a_tier_and_a_suite_narrow_each_other() {
        let plan = plan(&["host", "lifecycle"]).unwrap();
        assert_eq!(plan.tiers, [Tier::Host]);
        assert_eq!(suite_paths(&plan), ["lifecycle"]);
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_known_ones() {
        let error = plan(&["captur"]).unwrap_err().to_string();
        assert!(error.contains("attacks/capture, lifecycle"), "{error}");
    }

    #[test]
    fn lint_alone_needs_no_product() {
        assert!(!plan(&["lint"]).unwrap().needs_product());
    }
}
