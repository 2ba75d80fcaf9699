//! What one run of `bypass-test` found.

use std::process::Output;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::table::{Row, Who};

#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) succeeded: bool,
    report: Report,
}

#[derive(Debug, Deserialize)]
struct Report {
    level: Option<String>,
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Finding {
    name: String,
    #[serde(rename = "as")]
    who: Who,
    /// For people to read.
    pub(crate) outcome: Value,
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Closed,
    Open,
    Works,
    Broken,
    Residual,
    Untried,
    Unclear,
}

impl Findings {
    pub(crate) fn read(output: &Output) -> Result<Self> {
        let report = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("bypass-test said: {}", String::from_utf8_lossy(&output.stderr)))?;
        Ok(Self { succeeded: output.status.success(), report })
    }

    pub(crate) fn level(&self) -> Result<&str> {
        self.report.level.as_deref().context("bypass-test found no enforcement")
    }

    pub(crate) fn of(&self, row: &Row) -> Result<&Finding> {
        let found =
            self.report.findings.iter().find(|finding| finding.name == row.name && finding.who == row.who);
        found.with_context(|| format!("{} was not tried as {}", row.name, row.who))
    }

    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.report.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}
