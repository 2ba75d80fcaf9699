//! `cargo xtask layers`: pure crates stay pure.
//!
//! What a crate promises is held by what it can reach. A dependency that brings clocks, sockets or files into a pure
//! crate changes the promise, so it is named here first.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{command, workspace};

/// A crate with a promise.
struct Layer {
    package: &'static str,
    /// Attributes that the compiler holds the promise with.
    attributes: &'static [&'static str],
    /// Everything it may link, directly or not. Macros run at build time and are left out.
    may_use: &'static [&'static str],
}

const LAYERS: [Layer; 5] = [
    Layer { package: "gateway-common", attributes: &["#![no_std]"], may_use: &[] },
    Layer {
        package: "gateway-policy",
        attributes: &["#![no_std]", "#![forbid(unsafe_code)]"],
        may_use: &["ipnet", "serde", "serde_core"],
    },
    // Its C code is given memory and gives back memory; `libc` is what frees it.
    Layer {
        package: "gateway-sql",
        attributes: &["#![forbid(unsafe_code)]"],
        may_use: &[
            "gateway-policy",
            "generativity",
            "ipnet",
            "libc",
            "log",
            "pg_raw_parse",
            "serde",
            "serde_core",
            "sqlparser",
            "thiserror",
        ],
    },
    Layer {
        package: "gateway-protocols",
        attributes: &["#![no_std]", "#![forbid(unsafe_code)]"],
        // The own policy, hashes and encodings, and SASLprep with its tables: functions of their arguments all of them.
        may_use: &[
            "gateway-policy",
            "ipnet",
            "serde",
            "serde_core",
            "thiserror",
            "base64",
            "hmac",
            "md-5",
            "pbkdf2",
            "sha2",
            "subtle",
            "zeroize",
            "stringprep",
            "tinyvec",
            "unicode-bidi",
            "unicode-normalization",
            "unicode-properties",
            "block-buffer",
            "cfg-if",
            "cmov",
            "cpufeatures",
            "crypto-common",
            "ctutils",
            "digest",
            "hybrid-array",
            "typenum",
        ],
    },
    Layer {
        package: "gateway-audit",
        attributes: &["#![forbid(unsafe_code)]"],
        // Hashes and encodings, and what packed records are read with.
        may_use: &[
            "gateway-policy",
            "ipnet",
            "itoa",
            "memchr",
            "serde",
            "serde_core",
            "serde_json",
            "zmij",
            "base64",
            "thiserror",
            "sha2",
            "block-buffer",
            "cfg-if",
            "cpufeatures",
            "crypto-common",
            "digest",
            "hybrid-array",
            "typenum",
            "libc",
            "zstd",
            "zstd-safe",
            "zstd-sys",
        ],
    },
];

/// The only places outside the kernel object where `unsafe` may be spelled: system calls, the values read out of
/// maps, and tests that attack with raw system calls.
const UNSAFE_PLACES: [&str; 3] = ["gateway-userspace/src/sys", "gateway-common/src/user.rs", "tests"];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> Result<ExitCode> {
    let breaches = breaches()?;
    for breach in &breaches {
        eprintln!("layers: {breach}");
    }
    if breaches.is_empty() { Ok(ExitCode::SUCCESS) } else { Ok(ExitCode::FAILURE) }
}

/// Every way in which the tree breaks a promise, as sentences.
pub(crate) fn breaches() -> Result<Vec<String>> {
    let root = workspace::root()?;
    let mut breaches = Vec::new();
    for layer in &LAYERS {
        breaches.extend(reaching_too_far(layer, &linked_by(&root, layer.package)?));
        breaches.extend(missing_attributes(&root, layer)?);
    }
    breaches.extend(unsafe_outside_its_places(&root)?);
    Ok(breaches)
}

fn reaching_too_far(layer: &Layer, linked: &BTreeSet<String>) -> Vec<String> {
    linked
        .iter()
        .filter(|name| *name != layer.package && !layer.may_use.contains(&name.as_str()))
        .map(|name| format!("{} must not depend on {name}", layer.package))
        .collect()
}

/// Names of all crates that are linked into `package` when it is built alone. In the graph of the whole workspace,
/// features that others ask for would count as its own.
fn linked_by(root: &Path, package: &str) -> Result<BTreeSet<String>> {
    let tree = command::output(command::cargo().current_dir(root).args([
        "tree",
        "--locked",
        "--package",
        package,
        "--edges=normal,no-proc-macro",
        "--prefix=none",
        "--format={p}",
    ]))?;
    Ok(tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

fn missing_attributes(root: &Path, layer: &Layer) -> Result<Vec<String>> {
    let file = root.join(layer.package).join("src/lib.rs");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let missing = layer.attributes.iter().filter(|attribute| !text.lines().any(|line| line == **attribute));
    Ok(missing.map(|attribute| format!("{} must say {attribute}", layer.package)).collect())
}

fn unsafe_outside_its_places(root: &Path) -> Result<Vec<String>> {
    let listing = command::output(Command::new("git").current_dir(root).args(["ls-files", "--", "*.rs"]))?;
    let outside = |file: &&str| {
        // The kernel object is a workspace of its own, with lints of its own.
        !file.starts_with("gateway-ebpf/")
            && !UNSAFE_PLACES.iter().any(|place| Path::new(file).starts_with(place))
    };
    let mut breaches = Vec::new();
    for file in listing.lines().filter(outside) {
        let path: PathBuf = root.join(file);
        // A file that was removed and not yet committed is listed but not there.
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.lines().any(|line| line.starts_with("#") && line.contains("allow(unsafe_code)")) {
            breaches.push(format!("{file} must not allow unsafe code; it belongs in {}", UNSAFE_PLACES[0]));
        }
    }
    Ok(breaches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_is_not_on_the_list_is_a_breach() {
        let layer = Layer { package: "pure", attributes: &[], may_use: &["serde"] };
        let linked = ["pure", "serde", "tokio"].map(str::to_owned).into();
        assert_eq!(reaching_too_far(&layer, &linked), ["pure must not depend on tokio"]);
    }
}
