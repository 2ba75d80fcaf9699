//! The cgroup that one command lives in: made, entered, and removed when the command has ended.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use thiserror::Error;

use super::place::Place;

/// systemd starts a whole chain of units before the first scope of a slice.
const SYSTEMD_TIMEOUT: Duration = Duration::from_secs(30);
/// A killed process may hold its cgroup for a moment.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug, Error)]
pub enum CgroupError {
    #[error("cannot make the cgroup {}", path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error("cannot put the command into the cgroup {}", path.display())]
    Enter { path: PathBuf, source: io::Error },
    #[error("cannot ask systemd for a scope")]
    Busctl(#[source] io::Error),
    #[error("systemd refuses the scope {unit}: {why}")]
    Refused { unit: String, why: String },
    #[error("systemd did not start the scope {unit} within {} seconds", SYSTEMD_TIMEOUT.as_secs())]
    Late { unit: String },
    #[error("cannot find out which cgroup the command is in")]
    Lost(#[source] io::Error),
    #[error("the cgroup {} belongs to user {uid}, who can move the command out of it", path.display())]
    Delegated { path: PathBuf, uid: u32 },
}

/// A cgroup with a command in it.
#[derive(Debug)]
pub struct Cgroup {
    dir: PathBuf,
    /// systemd removes its own.
    ours: bool,
}

impl Cgroup {
    /// Makes the cgroup and moves a waiting process into it.
    pub fn make_for(pid: Pid, place: &Place, root: &Path) -> Result<Self, CgroupError> {
        match place {
            Place::Folder { path } => Self::make_folder(pid, root, path),
            Place::Scope { slice, unit } => Self::ask_for_scope(pid, root, slice, unit),
        }
    }

    /// The number by which the kernel knows it.
    pub fn id(&self) -> Result<u64, CgroupError> {
        fs::metadata(&self.dir).map(|facts| facts.ino()).map_err(CgroupError::Lost)
    }

    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Demands that nobody but root manages this cgroup or one above it: who owns a cgroup can move its processes.
    pub fn must_be_roots(&self, root: &Path) -> Result<(), CgroupError> {
        let above = self.dir.ancestors().take_while(|dir| dir.starts_with(root));
        for path in above.flat_map(|dir| [dir.to_path_buf(), dir.join("cgroup.procs")]) {
            let uid = fs::metadata(&path).map_err(CgroupError::Lost)?.uid();
            if uid != 0 {
                return Err(CgroupError::Delegated { path, uid });
            }
        }
        Ok(())
    }

    /// Ends what the command left behind, and removes the cgroup.
    fn end(&self) -> io::Result<()> {
        // With the last process systemd may have removed it already.
        if !self.dir.exists() {
            return Ok(());
        }
        match fs::write(self.dir.join("cgroup.kill"), "1") {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if !self.ours {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            match remove(&self.dir) {
                Err(error) if begun.elapsed() > REMOVAL_TIMEOUT => return Err(error),
                Err(_) => std::thread::sleep(PAUSE),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Makes an empty cgroup. It must not exist: whatever lives there is not ours to end.
    pub fn make(root: &Path, path: &str) -> Result<Self, CgroupError> {
        let dir = root.join(path.trim_start_matches('/'));
        let failed = |source| CgroupError::Make { path: dir.clone(), source };
        if let Some(parent) = dir.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(failed)?;
        }
        DirBuilder::new().mode(0o755).create(&dir).map_err(failed)?;
        Ok(Self { dir, ours: true })
    }

    fn make_folder(pid: Pid, root: &Path, path: &str) -> Result<Self, CgroupError> {
        let cgroup = Self::make(root, path)?;
        fs::write(cgroup.dir.join("cgroup.procs"), pid.to_string())
            .map_err(|source| CgroupError::Enter { path: cgroup.dir.clone(), source })?;
        Ok(cgroup)
    }

    fn ask_for_scope(pid: Pid, root: &Path, slice: &str, unit: &str) -> Result<Self, CgroupError> {
        let asked = busctl(pid, slice, unit).output().map_err(CgroupError::Busctl)?;
        if !asked.status.success() {
            let why = String::from_utf8_lossy(&asked.stderr).trim().to_string();
            return Err(CgroupError::Refused { unit: unit.to_string(), why });
        }
        let begun = Instant::now();
        while begun.elapsed() < SYSTEMD_TIMEOUT {
            let path = cgroup_of(pid).map_err(CgroupError::Lost)?;
            if path.ends_with(&format!("/{unit}")) {
                return Ok(Self { dir: root.join(path.trim_start_matches('/')), ours: false });
            }
            std::thread::sleep(PAUSE);
        }
        Err(CgroupError::Late { unit: unit.to_string() })
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(cgroup = %self.dir.display(), %error, "cannot remove the command's cgroup");
        }
    }
}

/// systemd-run would enter the scope itself, and there its connection to the bus is refused like any other. So the
/// bus is called from outside, on behalf of the waiting process.
fn busctl(pid: Pid, slice: &str, unit: &str) -> Command {
    let manager = "org.freedesktop.systemd1";
    let mut command = Command::new("busctl");
    command
        .args(["--quiet", "call", manager, "/org/freedesktop/systemd1"])
        .args(["org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail"])
        .args(["4", "PIDs", "au", "1", &pid.to_string()])
        .args(["Slice", "s", slice])
        .args(["Description", "s", "A command of an agent, started by postern run"])
        .args(["CollectMode", "s", "inactive-or-failed"])
        .arg("0");
    command
}

/// The path of a process's cgroup in the version 2 hierarchy.
fn cgroup_of(pid: Pid) -> io::Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    path.map(str::to_string).ok_or_else(|| io::Error::other("no cgroup2 hierarchy is mounted"))
}

/// A root agent may have made cgroups below its own.
fn remove(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(dir)
}
