//! A view of the file system without the sockets of the host's services.
//!
//! Nearly all of them live in /run: the buses, container daemons, databases, the resolver. The view has an empty
//! /run of its own with the resolver's configuration and the sockets that the agent may use. /tmp and /dev/shm stay
//! as they are: agents share files there with their operators; only folders known to hold sockets are hidden.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, chown};

use super::ConfineError;
use crate::mounts::{Mount, mounts};

const RUN: &str = "/run";
const VAR_RUN: &str = "/var/run";
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Display, session and terminal servers: whoever reaches one of them acts outside.
const SOCKET_FOLDERS: [&str; 2] = ["/tmp/.X11-unix", "/tmp/.ICE-unix"];

#[derive(Debug)]
pub struct View {
    /// Unix sockets that stay visible in /run.
    pub open_sockets: Vec<PathBuf>,
    /// Whose runtime folder is made.
    pub owner: (Uid, Gid),
}

impl View {
    pub fn enter(&self) -> Result<(), ConfineError> {
        unshare(CloneFlags::CLONE_NEWNS)
            .map_err(io::Error::from)
            .map_err(cannot("make a view of its own"))?;
        bind(None, Path::new("/"), MsFlags::MS_SLAVE | MsFlags::MS_REC)
            .map_err(cannot("part from the host's view"))?;
        self.replace_run().map_err(cannot("give it a private /run"))?;
        self.hide_folders().map_err(cannot("hide socket folders"))?;
        freeze_cgroups().map_err(cannot("make the cgroups unwritable"))
    }

    fn replace_run(&self) -> io::Result<()> {
        let resolver = resolver_in_run();
        let sockets = self.held_sockets();
        empty(Path::new(RUN))?;
        if fs::symlink_metadata(VAR_RUN).is_ok_and(|facts| facts.is_dir()) {
            empty(Path::new(VAR_RUN))?;
        }
        if let Some((path, content)) = resolver {
            // A copy, because resolved's own socket lies in the same folder.
            make_parents(&path)?;
            fs::write(&path, content)?;
        }
        for (path, socket) in sockets {
            make_parents(&path)?;
            File::create(&path)?;
            let source = PathBuf::from(format!("/proc/self/fd/{}", socket.as_raw_fd()));
            bind(Some(&source), &path, MsFlags::MS_BIND)?;
        }
        self.make_runtime_folder()
    }

    /// The allowed sockets that exist, held so that they can be found again when /run is covered.
    fn held_sockets(&self) -> Vec<(PathBuf, File)> {
        let real = self.open_sockets.iter().filter_map(|path| path.canonicalize().ok());
        real.filter(|path| path.starts_with(RUN))
            .filter_map(|path| {
                let held = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(&path).ok()?;
                Some((path, held))
            })
            .collect()
    }

    /// Where programs put their own sockets when XDG_RUNTIME_DIR names it.
    fn make_runtime_folder(&self) -> io::Result<()> {
        let (uid, gid) = self.owner;
        let folder = PathBuf::from(format!("{RUN}/user/{uid}"));
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        Ok(chown(&folder, Some(uid), Some(gid))?)
    }

    fn hide_folders(&self) -> io::Result<()> {
        let terminal = format!("/tmp/tmux-{}", self.owner.0);
        let known = SOCKET_FOLDERS.into_iter().chain([terminal.as_str()]).map(Path::new);
        known
            .filter(|folder| fs::symlink_metadata(folder).is_ok_and(|facts| facts.is_dir()))
            .try_for_each(empty)
    }
}

/// /etc/resolv.conf is often a link into /run.
fn resolver_in_run() -> Option<(PathBuf, Vec<u8>)> {
    let path = Path::new(RESOLV_CONF).canonicalize().ok()?;
    let content = fs::read(&path).ok()?;
    path.starts_with(RUN).then_some((path, content))
}

/// Covers a folder with an empty one.
fn empty(folder: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(mount(Some("tmpfs"), folder, Some("tmpfs"), flags, Some("mode=0755,size=16m"))?)
}

/// A root agent owns the files by which it could leave its cgroup, capabilities or not.
fn freeze_cgroups() -> io::Result<()> {
    let is_cgroup = |mount: &&Mount| mount.kind == "cgroup" || mount.kind == "cgroup2";
    let frozen = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    let all = mounts().map_err(io::Error::other)?;
    // What lies under the private /run is out of reach already.
    let in_sight = |mount: &&Mount| !mount.point.starts_with(RUN);
    // The kernel's other flags must be repeated, or the remount would loosen them.
    let strict = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    all.iter()
        .filter(is_cgroup)
        .filter(in_sight)
        .try_for_each(|mount| bind(None, &mount.point, frozen | strict))
}

fn bind(from: Option<&Path>, to: &Path, flags: MsFlags) -> io::Result<()> {
    Ok(mount(from, to, None::<&str>, flags, None::<&str>)?)
}

fn make_parents(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn cannot(act: &'static str) -> impl Fn(io::Error) -> ConfineError {
    move |source| ConfineError::Mount { act, source }
}
