//! What is mounted where: the cgroup2 hierarchy, which hybrid hosts hide beside a version 1 hierarchy, and BPF
//! file systems.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

const MOUNTINFO: &str = "/proc/self/mountinfo";
/// The kernel's names of the two file systems.
const CGROUP2: &str = "cgroup2";
pub const BPF: &str = "bpf";

/// One line of /proc/self/mountinfo, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub kind: String,
    /// Which folder of the file system is mounted; `/` for all of it.
    pub root: PathBuf,
    pub point: PathBuf,
}

#[derive(Debug, Error)]
pub enum MountError {
    #[error("cannot read {MOUNTINFO}")]
    Unreadable(#[source] io::Error),
    #[error("no cgroup2 hierarchy is mounted")]
    NoCgroup2,
    #[error("{} is not where a whole cgroup2 hierarchy is mounted", .0.display())]
    NotCgroup2(PathBuf),
}

/// All mounts that this process sees.
pub fn mounts() -> Result<Vec<Mount>, MountError> {
    std::fs::read(MOUNTINFO).map(|text| parse(&text)).map_err(MountError::Unreadable)
}

/// The root of the cgroup2 hierarchy: the configured one if there is one, else the one that is found.
pub fn cgroup2_root(configured: Option<&Path>) -> Result<PathBuf, MountError> {
    choose_cgroup2(&mounts()?, configured)
}

fn choose_cgroup2(mounts: &[Mount], configured: Option<&Path>) -> Result<PathBuf, MountError> {
    // A part of the hierarchy, as containers see it, is no root: agents beside it would not be covered.
    let whole = || mounts.iter().filter(|mount| mount.kind == CGROUP2 && mount.root == Path::new("/"));
    match configured {
        Some(path) if whole().any(|mount| mount.point == path) => Ok(path.to_path_buf()),
        Some(path) => Err(MountError::NotCgroup2(path.to_path_buf())),
        None => whole().next().map(|mount| mount.point.clone()).ok_or(MountError::NoCgroup2),
    }
}

/// Reads the form of proc_pid_mountinfo(5). A line that has another form is left out.
fn parse(mountinfo: &[u8]) -> Vec<Mount> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let root = path(fields.nth(3)?);
    let point = path(fields.next()?);
    // The number of optional fields varies; a lone `-` ends them.
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some(Mount { kind: String::from_utf8_lossy(kind).into_owned(), root, point })
}

/// Undoes the octal escapes that the kernel writes for space, tab, newline and backslash.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..3).filter(|_| *first == b'\\').and_then(octal);
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &[u8] = b"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime shared:5 - cgroup cgroup rw,name=systemd\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:6 master:1 - cgroup2 cgroup2 rw\n\
        42 23 0:39 / /sys/fs/bpf rw,relatime - bpf bpf rw\n";

    fn part() -> Vec<Mount> {
        parse(b"41 31 0:38 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    }

    #[test]
    fn a_hybrid_host_has_its_cgroup2_hierarchy_beside_the_other() {
        let found = choose_cgroup2(&parse(HYBRID), None).unwrap();
        assert_eq!(found, Path::new("/sys/fs/cgroup/unified"));
    }

    #[test]
    fn a_configured_root_must_be_one() {
        let mounts = parse(HYBRID);
        assert!(choose_cgroup2(&mounts, Some(Path::new("/sys/fs/cgroup/unified"))).is_ok());
        let other = choose_cgroup2(&mounts, Some(Path::new("/sys/fs/cgroup")));
        assert!(matches!(other, Err(MountError::NotCgroup2(_))));
    }

    #[test]
    fn a_part_of_the_hierarchy_is_no_root() {
        assert!(matches!(choose_cgroup2(&part(), None), Err(MountError::NoCgroup2)));
    }

    #[test]
    fn mount_points_are_read_without_their_escapes() {
        let odd = parse(b"1 2 0:3 / /mnt/a\\040b\\134c rw - bpf bpf rw\nnonsense\n");
        assert_eq!(odd.first().map(|mount| mount.point.as_path()), Some(Path::new("/mnt/a b\\c")));
        assert_eq!(odd.len(), 1);
    }
}
