//! Fetches an agent's identity token for the gateway, which may not look into other processes: from the file or the
//! variable that the configuration names for that very agent, and from nowhere else.
//!
//! What the agent has put there may hang (a file system of its own, memory that somebody serves), so it is read by a
//! thread that nobody waits for long, and by a few of them at most.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::Mode;
use zeroize::Zeroizing;

use super::state::State;
use crate::attribution::wire::{SecretText, TokenFound, TokenPlace};
use crate::config::IdentitySource;
use crate::sys::file::link_to;

/// The longest token.
const LONGEST: usize = 32 << 10;
/// All variables of a process together.
const LONGEST_ENVIRONMENT: usize = 2 << 20;
const PATIENCE: Duration = Duration::from_secs(1);
/// Readers that may hang at the same time.
const READERS: usize = 8;

static READING: AtomicUsize = AtomicUsize::new(0);

/// The token of an agent's process, from where it is configured to be.
pub fn find(state: &Arc<State>, agent: &str, tgid: u32, place: &TokenPlace) -> TokenFound {
    let config = state.config();
    let configured = config.agents.get(agent).is_some_and(|agent| agent.identity.contains(&source(place)));
    if !configured {
        return unreadable("it is not where this agent's token is configured to be");
    }
    if READING.fetch_add(1, Ordering::AcqRel) >= READERS {
        READING.fetch_sub(1, Ordering::AcqRel);
        return unreadable("too many tokens are being read");
    }
    let (say, hear) = mpsc::channel();
    let (state, agent, place) = (Arc::clone(state), agent.to_owned(), place.clone());
    std::thread::spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = say.send(read(&state, &agent, tgid, &place));
        READING.fetch_sub(1, Ordering::AcqRel);
    });
    hear.recv_timeout(PATIENCE).unwrap_or_else(|_| unreadable("it could not be read in time"))
}

fn source(place: &TokenPlace) -> IdentitySource {
    match place {
        TokenPlace::File(path) => IdentitySource::TokenFile(path.clone()),
        TokenPlace::Variable(name) => IdentitySource::Environment(name.clone()),
    }
}

fn read(state: &State, agent: &str, tgid: u32, place: &TokenPlace) -> TokenFound {
    let found = process(tgid).and_then(|process| {
        // Through one and the same folder, which belongs to one process for ever.
        let owner = owner(&process)?;
        if state.agent_at(&cgroup(&process)?).as_deref() != Some(agent) {
            return Err(io::Error::other("the process is not the agent's any more"));
        }
        match place {
            TokenPlace::File(path) => from_file(&process, path, owner),
            TokenPlace::Variable(name) => from_environment(&process, name),
        }
    });
    match found {
        Ok(Some(text)) => match std::str::from_utf8(&text) {
            Ok(text) => TokenFound::Token(SecretText::new(text)),
            Err(_) => unreadable("it is no text"),
        },
        Ok(None) => TokenFound::Nothing,
        Err(error) => unreadable(&error.to_string()),
    }
}

fn process(tgid: u32) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(open(format!("/proc/{tgid}").as_str(), flags, Mode::empty())?)
}

/// As whom the process runs.
fn owner(process: &OwnedFd) -> io::Result<u32> {
    Ok(std::fs::metadata(link_to(process))?.uid())
}

fn cgroup(process: &OwnedFd) -> io::Result<String> {
    let text = bounded(inside(process, "cgroup")?, 64 << 10)?;
    let text = String::from_utf8_lossy(&text);
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    path.map(str::to_owned).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn inside(process: &OwnedFd, name: &str) -> io::Result<File> {
    Ok(File::from(openat(process, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?))
}

/// As the process sees the path, and nowhere else: links lead to where they would lead it, never out of its root.
/// Whose the file is matters, since what is read here is read with rights that the agent does not have.
fn from_file(process: &OwnedFd, path: &Path, owner: u32) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = openat(process, "root", flags, Mode::empty())?;
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let relative: PathBuf = path.strip_prefix("/").unwrap_or(path).into();
    let named = match openat2(root.as_fd(), &relative, how) {
        Ok(named) => named,
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let facts = std::fs::metadata(link_to(&named))?;
    if !facts.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if facts.uid() != owner && facts.uid() != 0 {
        return Err(io::Error::other("the file belongs to neither the agent nor root"));
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = File::from(open(link_to(&named).as_str(), flags, Mode::empty())?);
    let text = bounded(file, LONGEST)?;
    Ok(text.iter().any(|byte| !byte.is_ascii_whitespace()).then_some(text))
}

/// One variable that the process was started with.
fn from_environment(process: &OwnedFd, name: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let all = bounded(inside(process, "environ")?, LONGEST_ENVIRONMENT)?;
    let value = all
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    match value {
        Some(value) if value.len() > LONGEST => Err(io::Error::other("it is longer than a token may be")),
        Some(value) => Ok((!value.is_empty()).then(|| Zeroizing::new(value.to_vec()))),
        None => Ok(None),
    }
}

fn bounded(file: File, longest: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(longest.min(LONGEST) + 1));
    file.take(longest as u64 + 1).read_to_end(&mut text)?;
    if text.len() > longest {
        return Err(io::Error::other("it is longer than a token may be"));
    }
    Ok(text)
}

fn unreadable(why: &str) -> TokenFound {
    TokenFound::Unreadable { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn here() -> OwnedFd {
        process(std::process::id()).unwrap()
    }

    fn me() -> u32 {
        owner(&here()).unwrap()
    }

    fn read_file(path: &Path) -> io::Result<Option<String>> {
        let text = from_file(&here(), path, me())?;
        Ok(text.map(|text| String::from_utf8(text.to_vec()).unwrap()))
    }

    #[test]
    fn a_file_is_read_as_the_process_sees_it_through_links_within_its_root() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("token"), folder.path().join("link"));
        assert_eq!(read_file(&file).unwrap(), None);
        std::fs::write(&file, "a.b.c").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        assert_eq!(read_file(&file).unwrap().as_deref(), Some("a.b.c"));
        assert_eq!(read_file(&link).unwrap().as_deref(), Some("a.b.c"));
        std::fs::write(&file, " \n").unwrap();
        assert_eq!(read_file(&file).unwrap(), None);
    }

    #[test]
    fn what_is_no_file_or_too_long_or_a_kernel_link_or_somebody_elses_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "x".repeat(LONGEST + 1)).unwrap();
        assert!(read_file(&file).is_err());
        assert!(read_file(folder.path()).is_err());
        assert!(read_file(Path::new("/dev/zero")).is_err());
        let magic = format!("/proc/{}/exe", std::process::id());
        assert!(read_file(Path::new(&magic)).is_err());
        std::fs::write(&file, "a.b.c").unwrap();
        assert!(from_file(&here(), &file, me() + 1).is_err() || me() == 0);
    }

    #[test]
    fn one_variable_is_read_and_no_other_that_begins_like_it() {
        let mut child = std::process::Command::new("sleep")
            .arg("100")
            .env_clear()
            .envs([("TOKEN_2", "other"), ("TOKEN", "a.b.c"), ("EMPTY", "")])
            .spawn()
            .unwrap();
        let process = process(child.id()).unwrap();
        let read = |name: &str| from_environment(&process, name).unwrap().map(|text| text.to_vec());
        // Until the child has become the other program, its variables are this one's.
        let limit = std::time::Instant::now() + Duration::from_secs(20);
        while read("TOKEN").is_none() && std::time::Instant::now() < limit {
            std::thread::yield_now();
        }
        assert_eq!(read("TOKEN").as_deref(), Some(&b"a.b.c"[..]));
        assert_eq!((read("TOKE"), read("EMPTY"), read("NONE")), (None, None, None));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
