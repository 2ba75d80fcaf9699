//! What tests talk to and with and Debian does not have: newer PostgreSQL servers and the drivers of other languages.
//!
//! They come from npm and PyPI at exactly the versions of `peers/`, into a folder of the cache that is named after
//! these files. A change to them is a new folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::{command, workspace};

const PACKAGE: &str = include_str!("peers/package.json");
const LOCK: &str = include_str!("peers/package-lock.json");
const REQUIREMENTS: &str = include_str!("peers/requirements.txt");
/// Debian's own: a venv of another one would point into somebody's home, where agents cannot follow.
const PYTHON: &str = "/usr/bin/python3";
/// Packed without their symbolic links, which a script of theirs makes.
const SERVERS: [&str; 2] = ["postgres-16", "postgres-18"];

/// Where they are, or will be.
pub(crate) fn folder() -> Result<PathBuf> {
    let mut hash = Sha256::new();
    for text in [PACKAGE, LOCK, REQUIREMENTS] {
        hash.update(text);
    }
    let hash: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Ok(workspace::cache_root()?.join(format!("peers-{hash}")))
}

pub(crate) fn install_if_missing() -> Result<()> {
    let folder = folder()?;
    if folder.exists() {
        return Ok(());
    }
    println!("setup: PostgreSQL 16 and 18, and drivers for Python and node: what tests talk to and with");
    let scratch = workspace::scratch()?;
    let dir = scratch.path().join("peers");
    fs::create_dir(&dir)?;
    install_from_npm(&dir)?;
    install_from_pypi(&dir)?;
    // Whole or not at all: the name is taken when everything is there.
    fs::rename(&dir, &folder).with_context(|| format!("cannot put them at {}", folder.display()))
}

fn install_from_npm(dir: &Path) -> Result<()> {
    fs::write(dir.join("package.json"), PACKAGE)?;
    fs::write(dir.join("package-lock.json"), LOCK)?;
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(dir);
    command::run(&mut install)?;
    for server in SERVERS {
        let package = dir.join("node_modules").join(server);
        command::run(Command::new("node").arg("scripts/hydrate-symlinks.js").current_dir(package))?;
    }
    Ok(())
}

fn install_from_pypi(dir: &Path) -> Result<()> {
    let requirements = dir.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    let venv = dir.join("python");
    command::run(Command::new(PYTHON).args(["-m", "venv"]).arg(&venv))?;
    let mut install = Command::new(venv.join("bin/python3"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    command::run(install.arg("--requirement").arg(&requirements))
}
