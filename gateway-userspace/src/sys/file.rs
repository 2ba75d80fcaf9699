//! Which content a file has, told without waiting for whoever serves it.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// A file's content cannot change without changing one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    device: (u32, u32),
    inode: u64,
    pub size: u64,
    changed: (i64, u32),
}

/// The version of a file in an open folder, links followed; with an empty name, of the open file itself. What a
/// network file system remembers will do, so that a silent server holds up nobody.
pub fn version(at: &impl AsFd, name: &CStr) -> io::Result<Version> {
    // SAFETY: `statx` is plain integers, for which all zeroes is a value.
    let mut facts: libc::statx = unsafe { std::mem::zeroed() };
    let number = at.as_fd().as_raw_fd();
    let flags = libc::AT_STATX_DONT_SYNC | libc::AT_EMPTY_PATH;
    let wanted = libc::STATX_INO | libc::STATX_SIZE | libc::STATX_CTIME;
    // SAFETY: the name ends with a zero byte, and the kernel writes one `statx`.
    let done = unsafe { libc::statx(number, name.as_ptr(), flags, wanted, &raw mut facts) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Version {
        device: (facts.stx_dev_major, facts.stx_dev_minor),
        inode: facts.stx_ino,
        size: facts.stx_size,
        changed: (facts.stx_ctime.tv_sec, facts.stx_ctime.tv_nsec),
    })
}

/// A path that opens the same file again, which a descriptor that only names it cannot be read without.
pub fn link_to(file: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_is_one_version_by_name_and_by_descriptor_until_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = File::create(folder.path().join("program")).unwrap();
        let opened = File::open(folder.path()).unwrap();
        let before = version(&file, c"").unwrap();
        assert_eq!(version(&opened, c"program").unwrap(), before);
        file.write_all(b"x").unwrap();
        assert_ne!(version(&file, c"").unwrap(), before);
    }
}
