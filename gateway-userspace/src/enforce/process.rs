//! What /proc says about the process that asked for a connection: which program it runs, proved to be the same process
//! and not a later one with its number.
//!
//! A process is held by its folder in /proc. An open folder belongs to one process for ever: when that one has ended,
//! the folder is dead, whoever has the number by then. So a folder is opened once and asked often.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::File,
    io::{self, Read as _},
    os::fd::OwnedFd,
    os::unix::ffi::OsStrExt as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nix::{
    fcntl::{OFlag, open, openat, readlink, readlinkat},
    sys::stat::Mode,
};

use super::hashing::Hashes;
use crate::{
    attribution::wire::ExeFacts,
    sys::{
        self,
        file::{Version, version},
    },
};

/// Processes remembered, each a descriptor of this one.
const REMEMBERED: usize = 256;
/// The line that tells when a process started is a few hundred bytes.
const LONGEST_LINE: u64 = 4096;

/// The processes that asked lately, and the hashes of their programs.
#[derive(Debug)]
pub struct Processes {
    known: Mutex<HashMap<u32, Arc<Process>>>,
    hashes: Hashes,
}

/// One process, dead or alive.
#[derive(Debug)]
struct Process {
    folder: OwnedFd,
    /// Since boot, rounded down to the kernel's tick.
    started_ns: u64,
    program: Mutex<Option<Arc<Program>>>,
}

/// What a process runs.
#[derive(Debug)]
struct Program {
    path: Vec<u8>,
    version: Version,
    /// Names the file and reads nothing: reading is left to those who may wait.
    file: Arc<OwnedFd>,
}

impl Processes {
    pub fn start() -> io::Result<Self> {
        Ok(Self { known: Mutex::default(), hashes: Hashes::start()? })
    }

    /// The program of process `tgid`, if that process existed already at `boot_ns` since boot.
    pub fn program(&self, tgid: u32, boot_ns: u64) -> Option<ExeFacts> {
        let (process, program) = self.find(tgid)?;
        if process.started_ns > boot_ns {
            return None;
        }
        let sha256 = self.hashes.of(program.version, &program.file);
        Some(ExeFacts { path: String::from_utf8_lossy(&program.path).into_owned(), sha256 })
    }

    /// A remembered process that does not run any more has given its number to another one, or to none.
    fn find(&self, tgid: u32) -> Option<(Arc<Process>, Arc<Program>)> {
        let remembered = self.known().get(&tgid).map(Arc::clone);
        if let Some(process) = remembered
            && let Ok(program) = process.program()
        {
            return Some((process, program));
        }
        let process = Arc::new(Process::open(tgid).ok()?);
        let program = process.program().ok()?;
        let mut known = self.known();
        if known.len() >= REMEMBERED && !known.contains_key(&tgid) {
            known.clear();
        }
        known.insert(tgid, Arc::clone(&process));
        Some((process, program))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<u32, Arc<Process>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    fn open(tgid: u32) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = open(format!("/proc/{tgid}").as_str(), flags, Mode::empty())?;
        let mut line = Vec::new();
        let file = openat(&folder, c"stat", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        File::from(file).take(LONGEST_LINE).read_to_end(&mut line)?;
        let started_ns = started(&line).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { folder, started_ns, program: Mutex::default() })
    }

    /// What the process runs now. It fails when the process has ended.
    fn program(&self) -> io::Result<Arc<Program>> {
        let path = readlinkat(&self.folder, c"exe")?;
        let version = version(&self.folder, c"exe")?;
        let mut held = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = held.as_ref()
            && program.version == version
            && program.path == path.as_bytes()
        {
            return Ok(Arc::clone(program));
        }
        let program = Arc::new(self.look()?);
        *held = Some(Arc::clone(&program));
        Ok(program)
    }

    /// Path and version of one and the same file, whatever the process becomes meanwhile.
    fn look(&self) -> io::Result<Program> {
        let file = openat(&self.folder, c"exe", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
        let path = readlink(sys::file::link_to(&file).as_str())?;
        let version = version(&file, c"")?;
        Ok(Program { path: OsStr::as_bytes(&path).to_vec(), version, file: Arc::new(file) })
    }
}

/// When a process started, in nanoseconds since boot, from its `stat` line.
fn started(line: &[u8]) -> Option<u64> {
    const TICKS_PER_SECOND: u64 = 100;
    // The name in brackets may hold anything, brackets too. The 22nd field is the 20th behind it.
    let end = line.iter().rposition(|byte| *byte == b')')?;
    let rest = str::from_utf8(line.get(end + 1..)?).ok()?;
    let ticks: u64 = rest.split_ascii_whitespace().nth(19)?.parse().ok()?;
    ticks.checked_mul(1_000_000_000 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn processes() -> Processes {
        Processes::start().unwrap()
    }

    fn path(processes: &Processes, tgid: u32) -> Option<String> {
        processes.program(tgid, u64::MAX).map(|facts| facts.path)
    }

    /// A shell that becomes another program when it is told to.
    fn changeling() -> (Child, std::process::ChildStdin) {
        let mut shell = Command::new("sh")
            .args(["-c", "read line; exec sleep 1000"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let input = shell.stdin.take().unwrap();
        (shell, input)
    }

    #[test]
    fn this_very_program_is_found_and_hashed() {
        let facts = processes().program(std::process::id(), u64::MAX).unwrap();
        assert_eq!(facts.path, std::env::current_exe().unwrap().to_string_lossy());
        assert_eq!(facts.sha256.unwrap().len(), 64);
    }

    #[test]
    fn a_process_that_started_after_the_connection_is_not_its_author() {
        let processes = processes();
        assert_eq!(processes.program(std::process::id(), 0), None);
        // Remembered or not.
        assert!(processes.program(std::process::id(), u64::MAX).is_some());
        assert_eq!(processes.program(std::process::id(), 0), None);
    }

    #[test]
    fn a_process_that_becomes_another_program_is_not_taken_for_the_former() {
        use std::io::Write as _;
        let processes = processes();
        let (mut child, mut input) = changeling();
        let sleeps = |path: &Option<String>| path.as_ref().is_some_and(|path| path.ends_with("sleep"));
        let before = path(&processes, child.id());
        assert!(before.is_some() && !sleeps(&before), "{before:?}");
        input.write_all(b"\n").unwrap();
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !sleeps(&path(&processes, child.id())) {
            assert!(std::time::Instant::now() < limit, "still {before:?}");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_has_ended_runs_nothing_even_if_it_is_remembered() {
        let processes = processes();
        let (mut child, _input) = changeling();
        assert!(path(&processes, child.id()).is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(path(&processes, child.id()), None);
    }

    #[test]
    fn a_number_that_was_given_to_another_process_is_looked_up_anew() {
        let processes = processes();
        let (mut ended, _input) = changeling();
        let held = Process::open(ended.id()).unwrap();
        ended.kill().unwrap();
        ended.wait().unwrap();
        // As if this process had got the number of the one that ended.
        let here = std::process::id();
        processes.known().insert(here, Arc::new(held));
        assert_eq!(path(&processes, here).unwrap(), std::env::current_exe().unwrap().to_string_lossy());
    }

    #[test]
    fn no_more_processes_are_held_than_there_is_room_for() {
        let processes = processes();
        let here = Arc::new(Process::open(std::process::id()).unwrap());
        processes.known().extend((0..REMEMBERED as u32).map(|number| (u32::MAX - number, Arc::clone(&here))));
        assert!(path(&processes, std::process::id()).is_some());
        assert!(processes.known().len() <= REMEMBERED);
    }

    #[test]
    fn a_name_with_brackets_does_not_move_the_start() {
        let line = b"7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 250 0 0";
        assert_eq!(started(line), Some(2_500_000_000));
    }
}
