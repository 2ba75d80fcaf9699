//! This machine: its cgroups, free ports, and names that no other test has.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Where pins are kept, see [`Tag::bpffs`].
const BPFFS: &str = "/sys/fs/bpf";
const TAG: &str = "postern-test-";
/// Below the ports that the kernel hands out by itself.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// True in an emulated guest, where the second layer is in force and everything is slow.
pub fn in_guest() -> bool {
    std::env::var_os("POSTERN_GUEST").is_some()
}

/// The binary under test.
pub fn postern() -> Result<PathBuf> {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    reachable(&COPY, &path_from("POSTERN_BIN")?)
}

/// The other end of the tests: `tests/testers`, which does inside an agent what no ordinary program does.
pub fn tester() -> Result<PathBuf> {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    reachable(&COPY, &path_from("POSTERN_TESTERS")?.join("tester"))
}

/// The suite itself, for what it does as a client of its own.
pub fn this_program() -> Result<PathBuf> {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    reachable(&COPY, &std::env::current_exe()?)
}

/// Servers and drivers that Debian does not have, where every user can run them.
pub fn peers() -> Result<PathBuf> {
    path_from("POSTERN_PEERS")
}

/// Everybody may look into this folder.
pub fn open_to_all(dir: &Path) -> Result<()> {
    Ok(fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?)
}

/// A copy where every user can run it: build folders lie in homes that others cannot enter. A later test process
/// sweeps it away.
fn reachable(copy: &OnceLock<PathBuf>, binary: &Path) -> Result<PathBuf> {
    if let Some(copy) = copy.get() {
        return Ok(copy.clone());
    }
    let dir = std::env::temp_dir().join(Tag::fresh().as_str());
    fs::create_dir(&dir)?;
    open_to_all(&dir)?;
    let path = dir.join(binary.file_name().context("a binary without a name")?);
    fs::copy(binary, &path).with_context(|| format!("cannot copy {}", binary.display()))?;
    Ok(copy.get_or_init(|| path).clone())
}

fn path_from(variable: &str) -> Result<PathBuf> {
    let value = std::env::var_os(variable);
    value
        .map(PathBuf::from)
        .with_context(|| format!("{variable} is not set; run suites with `cargo xtask test`"))
}

/// Where the cgroup2 hierarchy is, beside a version 1 hierarchy or alone.
pub fn cgroup2_root() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let root = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let point = fields.next()?;
        (fields.next()? == "cgroup2").then(|| PathBuf::from(point))
    });
    root.context("no cgroup2 hierarchy is mounted")
}

/// A port that is free for TCP and UDP on both loopback addresses.
pub fn free_port() -> Result<u16> {
    for _ in PORTS {
        let offset = std::process::id().wrapping_mul(37).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(PORTS.start + offset % (PORTS.end - PORTS.start))?;
        let is_free =
            |ip: IpAddr| TcpListener::bind((ip, port)).is_ok() && UdpSocket::bind((ip, port)).is_ok();
        if is_free(Ipv4Addr::LOCALHOST.into()) && is_free(Ipv6Addr::LOCALHOST.into()) {
            return Ok(port);
        }
    }
    bail!("no port is free")
}

/// A name that belongs to one gateway of one test process.
#[derive(Debug, Clone)]
pub struct Tag(String);

impl Tag {
    pub fn fresh() -> Self {
        Self(format!("{TAG}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn bpffs(&self) -> PathBuf {
        Path::new(BPFFS).join(&self.0)
    }
}

/// Removes what earlier test processes left: copied binaries, and pins and cgroups of those that were killed.
pub fn sweep() -> Result<()> {
    for dir in [Path::new(BPFFS), &cgroup2_root()?, &std::env::temp_dir()] {
        for entry in fs::read_dir(dir)?.flatten() {
            let name = entry.file_name();
            if name.to_str().and_then(owner).is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                remove_tree(&entry.path());
            }
        }
    }
    Ok(())
}

/// The process that a name such as `postern-test-PID-…` belongs to.
fn owner(name: &str) -> Option<&str> {
    name.strip_prefix(TAG)?.split('-').next()
}

/// Pins and cgroups go with their directories; a cgroup's files cannot be removed and need not be.
fn remove_tree(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        } else {
            let _ = fs::remove_file(entry.path());
        }
    }
    let _ = fs::remove_dir(dir);
}

/// A cgroup that ends, with all that is in it, when it goes out of scope.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes it below the root of the hierarchy. The name begins with a [`Tag`].
    pub fn make(name: &str) -> Result<Self> {
        Self::make_at(cgroup2_root()?.join(name))
    }

    pub fn child(&self, name: &str) -> Result<Self> {
        Self::make_at(self.path.join(name))
    }

    fn make_at(path: PathBuf) -> Result<Self> {
        fs::create_dir(&path).with_context(|| format!("cannot make the cgroup {}", path.display()))?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn id(&self) -> Result<u64> {
        Ok(fs::metadata(&self.path)?.ino())
    }

    pub fn processes(&self) -> Result<Vec<u32>> {
        let text = fs::read_to_string(self.path.join("cgroup.procs"))?;
        text.lines()
            .map(|line| line.parse().context("cgroup.procs holds something else than numbers"))
            .collect()
    }

    fn end(&self) -> bool {
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
        for _ in 0..400 {
            remove_tree(&self.path);
            match fs::metadata(&self.path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return true,
                _ => thread::sleep(Duration::from_millis(5)),
            }
        }
        false
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let ended = self.end();
        assert!(ended || thread::panicking(), "the cgroup {} cannot be removed", self.path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_whose_they_are() {
        assert_eq!(owner(Tag::fresh().as_str()), Some(std::process::id().to_string().as_str()));
        assert_eq!(owner("system.slice"), None);
    }

    #[test]
    fn a_port_is_not_given_twice() {
        assert_ne!(free_port().unwrap(), free_port().unwrap());
    }
}
