//! `postern doctor`: is this host fit to hold agents? Each check looks for itself, in its own file, and says
//! `ok`, `gap` (works, but weaker) or `broken`, with the remedy.

mod clock;
mod disk;
mod enforcement;
mod filesystems;
mod hooks;
mod kernel;
mod ports;
mod resolver;

use serde::Serialize;

use crate::config::{Config, Mistakes};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok,
    Gap,
    Broken,
}

impl Outcome {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Gap => "gap",
            Self::Broken => "broken",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub outcome: Outcome,
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok, what: what.into(), remedy: None }
    }

    fn gap(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Gap, what: what.into(), remedy: Some(remedy.into()) }
    }

    fn broken(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Broken, what: what.into(), remedy: Some(remedy.into()) }
    }
}

/// What can be found out about any host.
pub fn host() -> Vec<Finding> {
    vec![kernel::release(), kernel::types(), clock::check()]
}

/// What depends on the configuration.
pub fn configured(config: &Config) -> Vec<Finding> {
    let mut findings = vec![filesystems::cgroup2(config), filesystems::bpffs(config)];
    findings.extend(hooks::check(config));
    findings.extend(enforcement::check(config));
    findings.extend(resolver::check(config));
    findings.extend(ports::check(config));
    findings.push(disk::check(config));
    findings
}

/// What depends on a configuration that has mistakes is not looked at.
pub fn unconfigured(mistakes: &Mistakes) -> Finding {
    Finding::broken(
        "configuration",
        format!("{mistakes}, so nothing that it says was checked"),
        "run postern check",
    )
}
