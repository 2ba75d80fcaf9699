//! The same attempts in an agent's cgroup, at the level that this kernel reaches and its commands add to.

use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow, ensure};
use gateway_e2e::agent::ORDINARY_UID;
use gateway_e2e::host;
use gateway_e2e::plan::Plan;
use libtest_mimic::Trial;

use crate::control::Control;
use crate::findings::{Findings, Verdict};
use crate::table::{Bare, Expected, Row, Who};

const AGENT: &str = "prisoner";

/// How the attempts' processes come into the cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dress {
    /// As any process that happens to be there.
    Plain,
    /// As a command that `postern run --confine` starts, which makes up for a kernel without the second layer.
    Confined,
}

#[derive(Debug)]
pub(crate) struct Enforced {
    dress: Dress,
    findings: OnceLock<Result<Findings, String>>,
}

impl Enforced {
    pub(crate) fn new(dress: Dress) -> Self {
        Self { dress, findings: OnceLock::new() }
    }

    fn findings(&self) -> Result<&Findings> {
        let made =
            self.findings.get_or_init(|| try_watched(self.dress).map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(|error| anyhow!("{error}"))
    }

    pub(crate) fn check(&self, row: &Row, control: &Control) -> Result<()> {
        let findings = self.findings()?;
        let level = findings.level()?;
        let found = findings.of(row)?;
        let bare = control.findings()?.of(row)?.verdict;
        let fits = match row.at(level)? {
            Expected::MustWork => found.verdict == Verdict::Works || self.lacks(found.verdict, bare),
            Expected::Closed => found.verdict == Verdict::Closed || self.lacks(found.verdict, bare),
            // A hole that has closed by itself is to be taken out of the table.
            Expected::Open(_) => found.verdict == bare || (certain(row) && found.verdict == Verdict::Open),
            Expected::Residual => found.verdict == bare,
        };
        let due = row.at(level)?;
        ensure!(fits, "at level {level} it should be {due}: {:?}, {}", found.verdict, found.outcome);
        Ok(())
    }

    /// What is not there cannot be a way out. But unless it was taken away on purpose, it must have been missing
    /// without the enforcement too, or else this machine merely failed to try.
    fn lacks(&self, found: Verdict, bare: Verdict) -> bool {
        found == Verdict::Untried && (bare == Verdict::Untried || self.dress == Dress::Confined)
    }
}

/// Where the table says who gets through, and not that it depends.
fn certain(row: &Row) -> bool {
    match row.bare {
        Bare::Anyone => true,
        Bare::RootOnly => row.who == Who::Root,
        Bare::Nobody | Bare::SomeHosts => false,
    }
}

pub(crate) fn the_exit_status_tells_of_open_ways(enforced: &Arc<Enforced>) -> Trial {
    let enforced = Arc::clone(enforced);
    Trial::test("watched::the_exit_status_tells_of_open_ways", move || {
        let findings = enforced.findings()?;
        let trouble =
            [Verdict::Open, Verdict::Broken, Verdict::Unclear].map(|verdict| findings.count(verdict));
        if findings.succeeded != (trouble == [0, 0, 0]) {
            return Err(format!("success is {}, and {trouble:?} ways are open", findings.succeeded).into());
        }
        Ok(())
    })
}

/// The guests' kernels have the second layer; without it most of this suite would prove next to nothing.
pub(crate) fn guests_reach_the_full_level(enforced: &Arc<Enforced>) -> Trial {
    let enforced = Arc::clone(enforced);
    Trial::test("watched::guests_reach_the_full_level", move || {
        let level = enforced.findings()?.level()?;
        if host::in_guest() && level != "full" {
            return Err(format!("this guest has level {level}").into());
        }
        Ok(())
    })
}

fn try_watched(dress: Dress) -> Result<Findings> {
    let gateway = Plan::new().agent_with(AGENT, &[], "danger_root = true").start()?;
    let user = ORDINARY_UID.to_string();
    let mut arguments = vec!["bypass-test", "--json", "--agent", AGENT, "--as-root", "--as-user", &user];
    if dress == Dress::Confined {
        arguments.push("--confine");
    }
    Findings::read(&gateway.postern(&arguments)?)
}
