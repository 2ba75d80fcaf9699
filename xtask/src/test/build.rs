//! Builds what suites need: the product with the kernel object in it, the suites, and their other binaries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::plan::Plan;
use super::suites::Suite;
use crate::command;
use crate::product::{self, OBJECT_VARIABLE, TESTED, artifacts};

#[derive(Debug)]
pub(super) struct Built {
    pub(super) product: PathBuf,
    /// Suites by their cargo name.
    suites: BTreeMap<String, PathBuf>,
    /// The other binaries of gateway-e2e.
    pub(super) testers: Vec<PathBuf>,
}

impl Built {
    pub(super) fn new(plan: &Plan, object: &Path) -> Result<Self> {
        let product = product::build(object, TESTED)?;
        let mut built = Self { product, suites: BTreeMap::new(), testers: Vec::new() };
        if !plan.suites.is_empty() {
            built.take_suites(&plan.suites, object)?;
        }
        Ok(built)
    }

    pub(super) fn suite(&self, suite: &Suite) -> Result<&Path> {
        let built = self.suites.get(&suite.target);
        built.map(PathBuf::as_path).with_context(|| format!("cargo built no suite {}", suite.path))
    }

    fn take_suites(&mut self, suites: &[Suite], object: &Path) -> Result<()> {
        let mut cargo = command::product_cargo()?;
        // The whole workspace as in the pure tier, so that dependencies are compiled once with one set of features.
        cargo.args(["test", "--workspace", "--locked", "--no-run"]).env(OBJECT_VARIABLE, object);
        for suite in suites {
            cargo.args(["--test", &suite.target]);
        }
        for artifact in artifacts(&mut cargo)? {
            let Some(executable) = artifact.executable else { continue };
            if artifact.target.kind.iter().any(|kind| kind == "test") {
                self.suites.insert(artifact.target.name, executable);
            } else if artifact.manifest_path.ends_with("tests/Cargo.toml") {
                self.testers.push(executable);
            }
        }
        Ok(())
    }
}

/// In CI each clone is at a new path, where nothing compiled from another clone's sources is of use. What is compiled
/// from the registry stays.
pub(super) fn forget_other_clones() -> Result<()> {
    for profile in ["dev", TESTED] {
        command::run(command::product_cargo()?.args([
            "clean",
            "--quiet",
            "--workspace",
            "--profile",
            profile,
        ]))?;
    }
    Ok(())
}
