//! The guest's second and third disk. Both are plain tar streams without a filesystem: the cloud kernel has no shared
//! folders, and a tar needs no privilege on the host.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::Job;
use crate::{command, workspace};

/// Room for what a job may bring out; the file is sparse.
const RESULTS_BYTES: u64 = 256 << 20;

/// Both disks, gone when dropped.
#[derive(Debug)]
pub(super) struct Disks {
    dir: TempDir,
}

impl Disks {
    /// Packs the job's files and script.
    pub(super) fn prepare(job: &Job) -> Result<Self> {
        let dir = workspace::scratch()?;
        let tree = dir.path().join("job");
        fs::create_dir(&tree)?;
        for (host, guest) in &job.files {
            place(host, &tree.join(guest))
                .with_context(|| format!("cannot take {} into the guest", host.display()))?;
        }
        fs::write(tree.join("run.sh"), &job.script)?;
        let disks = Self { dir };
        command::run(Command::new("tar").arg("-cf").arg(disks.job()).arg("-C").arg(&tree).arg("."))?;
        fs::remove_dir_all(&tree)?;
        File::create(disks.results_disk())?.set_len(RESULTS_BYTES)?;
        Ok(disks)
    }

    pub(super) fn job(&self) -> PathBuf {
        self.dir.path().join("job.tar")
    }

    pub(super) fn results_disk(&self) -> PathBuf {
        self.dir.path().join("results.tar")
    }

    /// The script's status and the files it left. There is no status when the guest died before its job was done.
    pub(super) fn results(&self) -> Result<(i32, TempDir)> {
        let files = TempDir::new()?;
        let disk = self.results_disk();
        command::run(
            Command::new("tar").arg("-xf").arg(disk).arg("--no-same-owner").arg("-C").arg(files.path()),
        )?;
        let status_file = files.path().join(".status");
        let status = fs::read_to_string(&status_file).context("it left no exit status")?.trim().parse()?;
        fs::remove_file(status_file)?;
        Ok((status, files))
    }
}

fn place(host: &Path, inside: &Path) -> Result<()> {
    if let Some(folder) = inside.parent() {
        fs::create_dir_all(folder)?;
    }
    // A link costs no second copy of large test binaries, but only works within one filesystem. In CI, the cache is it.
    fs::hard_link(host, inside).or_else(|_| fs::copy(host, inside).map(|_| ()))?;
    Ok(())
}
