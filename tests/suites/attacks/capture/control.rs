//! The control: the same attempts in a cgroup that nobody watches. What cannot get out even there proves nothing.

use std::process::Command;
use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow, bail, ensure};
use gateway_e2e::agent::ORDINARY_UID;
use gateway_e2e::host::{self, Cgroup, Tag};
use libtest_mimic::Trial;

use crate::findings::{Findings, Verdict};
use crate::table::{Bare, Goal, Row, Who};

/// On the poorest kernel that the suite runs on, which has few socket families.
const ENOUGH: usize = 250;

#[derive(Debug, Default)]
pub(crate) struct Control(OnceLock<Result<Findings, String>>);

impl Control {
    pub(crate) fn findings(&self) -> Result<&Findings> {
        let made = self.0.get_or_init(|| try_unwatched().map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(|error| anyhow!("{error}"))
    }

    pub(crate) fn check(&self, row: &Row) -> Result<()> {
        let finding = self.findings()?.of(row)?;
        let fits = match (row.goal, row.bare, row.who) {
            (Goal::MustWork, _, _) => finding.verdict == Verdict::Works,
            (_, Bare::Nobody, _) | (_, Bare::RootOnly, Who::User) => got_nowhere(finding.verdict),
            (_, Bare::SomeHosts, _) => got_nowhere(finding.verdict) || got_out(finding.verdict),
            (_, Bare::Anyone, _) | (_, Bare::RootOnly, Who::Root) => {
                got_out(finding.verdict) || finding.verdict == Verdict::Untried
            }
        };
        ensure!(fits, "where nothing is enforced: {:?}, {}", finding.verdict, finding.outcome);
        Ok(())
    }
}

/// A machine on which next to nothing gets out is no place to prove that something is closed.
pub(crate) fn enough_is_reached(control: &Arc<Control>) -> Trial {
    let control = Arc::clone(control);
    Trial::test("unwatched::most_attempts_get_out", move || {
        let open = control.findings()?.count(Verdict::Open);
        if open < ENOUGH {
            return Err(format!("only {open} attempts got out").into());
        }
        Ok(())
    })
}

fn got_out(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Open | Verdict::Residual => true,
        Verdict::Closed | Verdict::Works | Verdict::Broken | Verdict::Untried | Verdict::Unclear => false,
    }
}

fn got_nowhere(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Closed | Verdict::Untried => true,
        Verdict::Open | Verdict::Residual | Verdict::Works | Verdict::Broken | Verdict::Unclear => false,
    }
}

fn try_unwatched() -> Result<Findings> {
    let cgroup = Cgroup::make(Tag::fresh().as_str())?;
    let config = tempfile::tempdir()?;
    std::fs::write(config.path().join("postern.toml"), "[serve]\nuser = \"nobody\"\n")?;
    let output = Command::new(host::postern()?)
        .args(["bypass-test", "--json", "--as-root", "--as-user", &ORDINARY_UID.to_string()])
        .arg("--cgroup")
        .arg(cgroup.path())
        .arg("--config")
        .arg(config.path())
        .output()?;
    let findings = Findings::read(&output)?;
    if findings.succeeded {
        bail!("bypass-test calls a cgroup closed in which nothing is enforced");
    }
    Ok(findings)
}
