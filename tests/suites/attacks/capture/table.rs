//! What should come of each attempt, as the product says it.

use std::fmt;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use gateway_e2e::host;
use serde::Deserialize;

/// One attempt as one user.
#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    #[serde(rename = "as")]
    pub(crate) who: Who,
    pub(crate) goal: Goal,
    pub(crate) bare: Bare,
    cgroup: Expected,
    unit: Expected,
    full: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Who {
    User,
    Root,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    Escape,
    MustWork,
    Residual,
}

/// Who gets through where nothing is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bare {
    Anyone,
    RootOnly,
    Nobody,
    SomeHosts,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "expectation", content = "because", rename_all = "snake_case")]
pub(crate) enum Expected {
    Closed,
    Open(String),
    Residual,
    MustWork,
}

pub(crate) fn read() -> Result<Vec<Row>> {
    let output = Command::new(host::postern()?).args(["bypass-test", "--list", "--json"]).output()?;
    ensure!(output.status.success(), "bypass-test --list: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("the list of attempts is not understood")
}

impl Row {
    pub(crate) fn at(&self, level: &str) -> Result<&Expected> {
        match level {
            "cgroup" => Ok(&self.cgroup),
            "unit" => Ok(&self.unit),
            "full" => Ok(&self.full),
            other => anyhow::bail!("the enforcer knows a level {other}"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Open(because) => write!(f, "open ({because})"),
            Self::Residual => f.write_str("as open as anywhere"),
            Self::MustWork => f.write_str("working"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Root => "root",
        })
    }
}
