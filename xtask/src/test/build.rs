//! Builds what suites need: the product with the kernel object in it, the suites, and their other binaries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::plan::Plan;
use super::suites::Suite;
use crate::command;

/// Tells the product's build where the kernel object is.
pub(super) const OBJECT_VARIABLE: &str = "POSTERN_EBPF_OBJECT";
/// Optimised, because guests are emulated; linked quickly, because it is built for every change.
const PROFILE: &str = "tested";

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
        let product = build_product(object)?;
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
    for profile in ["dev", PROFILE] {
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

fn build_product(object: &Path) -> Result<PathBuf> {
    let mut cargo = command::product_cargo()?;
    cargo
        .args([
            "build",
            "--locked",
            "--package",
            "gateway-userspace",
            "--bin",
            "postern",
            "--profile",
            PROFILE,
        ])
        .env(OBJECT_VARIABLE, object);
    let product = artifacts(&mut cargo)?.into_iter().find_map(|artifact| artifact.executable);
    product.context("cargo built no postern binary")
}

#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// What a cargo build produced, in its own words; its diagnostics go to the terminal.
fn artifacts(cargo: &mut Command) -> Result<Vec<Artifact>> {
    let messages = command::output(cargo.args(["--quiet", "--message-format=json-render-diagnostics"]))?;
    let mut artifacts = Vec::new();
    for message in messages.lines() {
        let value: serde_json::Value =
            serde_json::from_str(message).context("cargo printed something else than JSON")?;
        if value.get("reason").is_some_and(|reason| reason == "compiler-artifact") {
            artifacts
                .push(serde_json::from_value(value).context("cargo describes an artifact in a new way")?);
        }
    }
    if artifacts.is_empty() {
        bail!("`{}` built nothing", command::line(cargo));
    }
    Ok(artifacts)
}
