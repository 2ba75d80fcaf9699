//! What /proc says about the process that asked for a connection: which program it is, proved to be the same process
//! and not a later one with its number.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use sha2::{Digest as _, Sha256};

use crate::attribution::wire::ExeFacts;

/// Programs remembered; a host runs few different ones.
const REMEMBERED: usize = 1024;
/// Larger files are no programs that an agent runs.
const LARGEST: u64 = 2 << 30;

/// A file's content cannot change without changing one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Version {
    dev: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// Hashes of programs, each read once per version, however many ask for it at the same time.
#[derive(Debug, Default)]
pub struct Programs {
    known: Mutex<HashMap<Version, Arc<Reading>>>,
}

/// `None` inside: the file could not be read.
type Reading = OnceLock<Option<String>>;

impl Programs {
    /// The program of process `tgid`, if that process existed already at `boot_ns` since boot.
    pub fn of(&self, tgid: u32, boot_ns: u64) -> Option<ExeFacts> {
        let before = started(tgid)?;
        if before > boot_ns {
            return None;
        }
        let link = format!("/proc/{tgid}/exe");
        let path = fs::read_link(&link).ok()?;
        let file = File::open(&link).ok()?;
        // Still the same process after the file was opened through its number.
        if started(tgid)? != before {
            return None;
        }
        let sha256 = self.hash(file).ok()??;
        Some(ExeFacts { path: path.to_string_lossy().into_owned(), sha256 })
    }

    fn hash(&self, file: File) -> io::Result<Option<String>> {
        let facts = file.metadata()?;
        let version = Version {
            dev: facts.dev(),
            inode: facts.ino(),
            size: facts.size(),
            changed: (facts.ctime(), facts.ctime_nsec()),
        };
        let reading = self.reading(version);
        // Whoever comes while the first one reads waits for that.
        let hash = reading.get_or_init(|| digest(file, facts.size()).ok()).clone();
        if hash.is_none() {
            self.known().remove(&version);
        }
        Ok(hash)
    }

    fn reading(&self, version: Version) -> Arc<Reading> {
        let mut known = self.known();
        if known.len() >= REMEMBERED && !known.contains_key(&version) {
            known.clear();
        }
        Arc::clone(known.entry(version).or_default())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Version, Arc<Reading>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(mut file: File, size: u64) -> io::Result<String> {
    if size > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut state = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        state.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(state.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// When a process started, in nanoseconds since boot, rounded down to the kernel's tick.
fn started(tgid: u32) -> Option<u64> {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string(format!("/proc/{tgid}/stat")).ok()?;
    // The name in brackets may hold anything, brackets too. The 22nd field is the 20th behind it.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks: u64 = rest.split_ascii_whitespace().nth(19)?.parse().ok()?;
    ticks.checked_mul(1_000_000_000 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_program_is_found_and_hashed() {
        let facts = Programs::default().of(std::process::id(), u64::MAX).unwrap();
        assert_eq!(facts.path, std::env::current_exe().unwrap().to_string_lossy());
        assert_eq!(facts.sha256.len(), 64);
    }

    #[test]
    fn a_process_that_started_after_the_connection_is_not_its_author() {
        assert_eq!(Programs::default().of(std::process::id(), 0), None);
    }

    #[test]
    fn a_hash_is_that_of_the_content() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"abc").unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let hash = Programs::default().hash(file).unwrap();
        assert_eq!(hash.unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
