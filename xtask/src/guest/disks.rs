//! The guest's second and third disk. Both are plain tar streams without a filesystem: the cloud kernel has no shared
//! folders, and a tar needs no privilege on the host.

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
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
        pack(job, &tree)?;
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

/// The script is there first, so that no file of the host can stand, as a link, where it is written.
fn pack(job: &Job, tree: &Path) -> Result<()> {
    fs::create_dir(tree)?;
    fs::write(tree.join("run.sh"), &job.script)?;
    for (host, guest) in &job.files {
        inside(tree, guest)
            .and_then(|place| put(host, &place))
            .with_context(|| format!("cannot take {} into the guest", host.display()))?;
    }
    Ok(())
}

/// A place below the tree that is still free.
fn inside(tree: &Path, guest: &str) -> Result<PathBuf> {
    let below = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(guest).components().all(below) {
        bail!("`{guest}` does not lie below /job");
    }
    let place = tree.join(guest);
    if place.symlink_metadata().is_ok() {
        bail!("`{guest}` is something else in the guest already");
    }
    Ok(place)
}

fn put(host: &Path, place: &Path) -> Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    // A link costs no second copy of large test binaries, but only works within one filesystem. In CI, the cache is it.
    fs::hard_link(host, place).or_else(|_| fs::copy(host, place).map(|_| ()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::guest::Kernel;

    /// Packs files of a folder beside the tree, so that links are made.
    fn packed(copies: &[(&str, &str)]) -> (TempDir, Result<()>) {
        let dir = TempDir::new().unwrap();
        let host = |name: &str| dir.path().join(name);
        for name in ["one", "two"] {
            fs::write(host(name), name).unwrap();
        }
        let files = copies.iter().map(|(name, guest)| (host(name), (*guest).to_owned())).collect();
        let job = Job { kernel: Kernel::V6_1, files, script: "exit".into(), timeout: Duration::ZERO };
        let packed = pack(&job, &host("tree"));
        (dir, packed)
    }

    #[test]
    fn a_file_of_the_host_is_never_written_through_its_link() {
        for copies in [[("one", "run.sh"), ("two", "two")], [("one", "same"), ("two", "same")]] {
            let (dir, packed) = packed(&copies);
            assert!(packed.is_err(), "{copies:?}");
            assert_eq!(fs::read_to_string(dir.path().join("one")).unwrap(), "one");
        }
    }

    #[test]
    fn nothing_is_put_beside_the_tree() {
        for guest in ["../two", "/two", "a/../../two"] {
            let (dir, packed) = packed(&[("one", guest)]);
            assert!(packed.is_err(), "{guest}");
            assert_eq!(fs::read_to_string(dir.path().join("two")).unwrap(), "two");
        }
    }

    #[test]
    fn files_and_script_are_packed_together() {
        let (dir, packed) = packed(&[("one", "bin/one"), ("two", "./two")]);
        packed.unwrap();
        for (place, content) in [("run.sh", "exit"), ("bin/one", "one"), ("two", "two")] {
            assert_eq!(fs::read_to_string(dir.path().join("tree").join(place)).unwrap(), content);
        }
    }
}
