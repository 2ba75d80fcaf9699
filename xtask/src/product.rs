//! Builds binaries of the workspace and says where they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::command;

/// Tells the product's build where the kernel object is.
pub(crate) const OBJECT_VARIABLE: &str = "POSTERN_EBPF_OBJECT";
/// Optimised, because guests are emulated; linked quickly, because it is built for every change.
pub(crate) const TESTED: &str = "tested";
/// What is installed.
pub(crate) const RELEASE: &str = "release";

#[derive(Debug, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) manifest_path: PathBuf,
    pub(crate) target: Target,
    pub(crate) executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

/// `postern` with the kernel object in it.
pub(crate) fn build(object: &Path, profile: &str) -> Result<PathBuf> {
    binary("gateway-userspace", "postern", profile, object)
}

/// One binary of one package.
pub(crate) fn binary(package: &str, name: &str, profile: &str, object: &Path) -> Result<PathBuf> {
    let mut cargo = command::product_cargo()?;
    cargo
        .args(["build", "--locked", "--package", package, "--bin", name, "--profile", profile])
        .env(OBJECT_VARIABLE, object);
    let built = artifacts(&mut cargo)?.into_iter().find_map(|artifact| artifact.executable);
    built.with_context(|| format!("cargo built no {name} binary"))
}

/// What a cargo build produced, in its own words; its diagnostics go to the terminal.
pub(crate) fn artifacts(cargo: &mut Command) -> Result<Vec<Artifact>> {
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
