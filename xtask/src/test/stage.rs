//! Where suites find what they start, on the host.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::build::Built;
use crate::{command, peers, regress};

/// Copies of the binaries in a folder that everybody can reach: the gateway and the agents run as users who cannot look
/// into a developer's home, where the originals are.
#[derive(Debug)]
pub(super) struct Stage {
    dir: TempDir,
}

impl Stage {
    pub(super) fn new(built: &Built) -> Result<Self> {
        let dir = TempDir::with_prefix("postern-stage-").context("cannot make a folder for the binaries")?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        let stage = Self { dir };
        fs::create_dir(stage.testers())?;
        copy(&built.product, &stage.product())?;
        for tester in &built.testers {
            copy(tester, &stage.testers().join(tester.file_name().unwrap_or_default()))?;
        }
        share(&peers::folder()?, &stage.peers())?;
        share(&regress::folder()?, &stage.regress())?;
        Ok(stage)
    }

    /// Servers and drivers that Debian does not have.
    pub(super) fn peers(&self) -> PathBuf {
        self.dir.path().join("peers")
    }

    /// PostgreSQL's regression scripts, which the server reads too.
    pub(super) fn regress(&self) -> PathBuf {
        self.dir.path().join("regress")
    }

    pub(super) fn product(&self) -> PathBuf {
        self.dir.path().join("postern")
    }

    pub(super) fn testers(&self) -> PathBuf {
        self.dir.path().join("testers")
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .and_then(|_| fs::set_permissions(to, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// By hard links where the cache is on the same filesystem: there are thousands of files, and none is written to.
fn share(from: &Path, to: &Path) -> Result<()> {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
    let same = device(from)? == to.parent().map(device).transpose()?.unwrap_or_default();
    let how = if same { "--link" } else { "--reflink=auto" };
    command::run(Command::new("cp").args(["--archive", "--no-target-directory", how]).arg(from).arg(to))
}
