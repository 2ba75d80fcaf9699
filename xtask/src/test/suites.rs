//! Which suites there are, and the contract they are run by.
//!
//! A suite is a `[[test]]` target of gateway-e2e that speaks as libtest does, with its source below tests/suites:
//! `suites/attacks/capture.rs` (or `suites/attacks/capture/main.rs`) is the suite `attacks/capture`. It runs as root,
//! one test at a time, on the host and in every guest unless `[package.metadata.suites]` in tests/Cargo.toml says
//! otherwise: `"attacks/capture" = "guest"`. Its environment:
//!
//! * `POSTERN_BIN`: the built binary, with the kernel object in it
//! * `POSTERN_TESTERS`: the folder with the other binaries of gateway-e2e
//! * `POSTERN_SOURCE`: a folder with `systemd`, `docs` and `tests` of the source tree
//! * `POSTERN_PEERS`: on the host, PostgreSQL 16 and 18 and the drivers of other languages, see `peers.rs`
//! * `POSTERN_REGRESS`: on the host, PostgreSQL's regression scripts, see `regress.rs`
//! * `POSTERN_GUEST`: the guest's kernel (`6.1`), and not set on the host
//!
//! An ignored test counts as failed. A test that does not apply to a place belongs in a suite that does not run there.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{command, workspace};

/// Where a suite runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Places {
    Everywhere,
    Host,
    Guest,
}

#[derive(Debug)]
pub(super) struct Suite {
    /// What people call it: `attacks/capture`.
    pub(super) path: String,
    /// What cargo calls it.
    pub(super) target: String,
    pub(super) places: Places,
}

impl Suite {
    /// True for the suite of that name and for all suites in a folder of that name.
    pub(super) fn is_part_of(&self, word: &str) -> bool {
        Path::new(&self.path).starts_with(word)
    }

    pub(super) fn runs_on_host(&self) -> bool {
        match self.places {
            Places::Everywhere | Places::Host => true,
            Places::Guest => false,
        }
    }

    pub(super) fn runs_in_guests(&self) -> bool {
        match self.places {
            Places::Everywhere | Places::Guest => true,
            Places::Host => false,
        }
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
    metadata: Option<PackageMetadata>,
}

#[derive(Deserialize)]
struct PackageMetadata {
    #[serde(default)]
    suites: std::collections::BTreeMap<String, Places>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
    src_path: std::path::PathBuf,
}

/// All suites of the source tree, in a steady order.
pub(super) fn discover() -> Result<Vec<Suite>> {
    let root = workspace::root()?;
    let metadata = command::output(command::cargo().current_dir(&root).args([
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--locked",
    ]))?;
    let metadata: Metadata =
        serde_json::from_str(&metadata).context("cannot read what cargo metadata says")?;
    let package = metadata.packages.into_iter().find(|package| package.name == "gateway-e2e");
    let package = package.context("the workspace has no package gateway-e2e")?;
    let places = package.metadata.map(|metadata| metadata.suites).unwrap_or_default();
    let folder = root.join("tests/suites");
    let mut suites = Vec::new();
    for target in package.targets.into_iter().filter(|target| target.kind.iter().any(|kind| kind == "test")) {
        let path = suite_path(&folder, &target.src_path)
            .with_context(|| format!("the test target {} is not below tests/suites", target.name))?;
        let places = places.get(&path).copied().unwrap_or(Places::Everywhere);
        suites.push(Suite { path, target: target.name, places });
    }
    suites.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(suites)
}

fn suite_path(folder: &Path, source: &Path) -> Option<String> {
    let relative = source.strip_prefix(folder).ok()?;
    let named = if relative.file_name()? == "main.rs" {
        relative.parent()?.to_owned()
    } else {
        relative.with_extension("")
    };
    Some(named.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_named_by_its_file_or_its_folder() {
        let folder = Path::new("/src/tests/suites");
        let named = |source: &str| suite_path(folder, Path::new(source));
        assert_eq!(named("/src/tests/suites/attacks/capture.rs").as_deref(), Some("attacks/capture"));
        assert_eq!(named("/src/tests/suites/lifecycle/main.rs").as_deref(), Some("lifecycle"));
        assert_eq!(named("/src/tests/elsewhere.rs"), None);
    }
}
