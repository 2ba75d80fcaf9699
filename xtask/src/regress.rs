//! PostgreSQL's own regression scripts, from Debian's source package: what the oracle suite runs.
//!
//! apt fetches and verifies the package with a configuration of its own, so the host's sources stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, workspace};

const SOURCE: &str = "postgresql-15";
const SOURCES: &str = "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
    http://deb.debian.org/debian bookworm main\n";
/// What of the package is kept.
const KEPT: [&str; 3] =
    ["*/src/test/regress/sql/*", "*/src/test/regress/data/*", "*/src/test/regress/parallel_schedule"];

/// Where they are, or will be.
pub(crate) fn folder() -> Result<PathBuf> {
    Ok(workspace::cache_root()?.join("regress-15"))
}

pub(crate) fn install_if_missing() -> Result<()> {
    let folder = folder()?;
    if folder.exists() {
        return Ok(());
    }
    println!("setup: the regression scripts of {SOURCE}: what the oracle suite runs");
    let scratch = workspace::scratch()?;
    let archive = download(scratch.path())?;
    let dir = scratch.path().join("regress");
    fs::create_dir(&dir)?;
    let mut unpack = Command::new("tar");
    unpack.arg("--extract").arg("--file").arg(archive).arg("--directory").arg(&dir);
    // Out of postgresql-15.x/src/test/regress, into the folder itself.
    command::run(unpack.args(["--strip-components=4", "--wildcards"]).args(KEPT))?;
    // Whole or not at all: the name is taken when everything is there.
    fs::rename(&dir, &folder).with_context(|| format!("cannot put them at {}", folder.display()))
}

/// The source as its authors published it.
fn download(dir: &Path) -> Result<PathBuf> {
    for part in ["lists/partial", "cache/archives/partial", "source"] {
        fs::create_dir_all(dir.join(part))?;
    }
    fs::write(dir.join("sources.list"), SOURCES)?;
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.current_dir(dir.join("source")).arg("--quiet");
        for (option, place) in [
            ("Dir::Etc::SourceList", "sources.list"),
            ("Dir::State::Lists", "lists"),
            ("Dir::Cache", "cache"),
        ] {
            apt.arg("-o").arg(format!("{option}={}", dir.join(place).display()));
        }
        apt.args(["-o", "Dir::Etc::SourceParts=/dev/null", "-o", "APT::Sandbox::User=root"]);
        apt
    };
    command::run(apt().arg("update"))?;
    command::run(apt().args(["source", "--download-only", SOURCE]))?;
    let files = fs::read_dir(dir.join("source"))?.filter_map(Result::ok).map(|entry| entry.path());
    let archive = files.into_iter().find(|path| path.to_string_lossy().contains(".orig.tar."));
    archive.with_context(|| format!("apt fetched no source of {SOURCE}"))
}
