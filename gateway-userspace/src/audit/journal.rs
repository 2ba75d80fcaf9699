//! Makes lines outlive a loss of power, for many sessions with one sync of the disk.
//!
//! Lines stand in the files where they belong as soon as they are written, and in the journal when they have to be
//! durable. One of those who wait syncs it for all that came meanwhile. There are two sides of fixed size, written in
//! turn: once all files are synced, what the other side says is not needed any more. `recovery.rs` brings back from it
//! what a loss of power took from the files.

mod entries;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::book::MODE;
pub use entries::Entry;

const FOLDER: &str = "journal";
const SIDES: [&str; 2] = ["a", "b"];
/// Of one side. It is written once in full, so that a sync has nothing but its content to see to.
const SIZE: usize = 4 << 20;
/// Longer ones are not worth their second copy.
const LONGEST: usize = 256 << 10;

/// How lines were committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    Done,
    /// The journal has no room for them now: the file itself has to be synced.
    NoRoom,
}

#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    state: Mutex<State>,
    synced: Condvar,
    half_full: Condvar,
}

#[derive(Debug)]
struct State {
    file: Arc<File>,
    side: usize,
    generation: u64,
    /// Where the next group begins.
    at: usize,
    /// Whether the other side may be written.
    other: Other,
    /// Somebody is syncing.
    leader: Leader,
    group: Vec<u8>,
    outcome: Arc<OnceLock<Result<(), i32>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Other {
    Free,
    StillNeeded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leader {
    None,
    AtWork,
}

fn sides(records: &Path) -> [PathBuf; 2] {
    SIDES.map(|side| records.join(FOLDER).join(side))
}

/// What an earlier gateway left in both sides, the older first.
pub fn entries(records: &Path) -> io::Result<Vec<Entry>> {
    let [one, other] = sides(records).map(|side| entries::read(&side));
    let mut sides = [one?, other?];
    sides.sort_by_key(|side| side.first().map(|entry| entry.generation));
    Ok(sides.concat())
}

impl Journal {
    /// Begins anew, later than `generation`. Nothing of what stands there is needed any more.
    pub fn open(records: &Path, generation: u64) -> io::Result<Self> {
        let folder = records.join(FOLDER);
        let file = Arc::new(make(&folder, 0)?);
        make(&folder, 1)?;
        let state = State {
            file,
            side: 0,
            generation: generation + 1,
            at: 0,
            other: Other::Free,
            leader: Leader::None,
            group: Vec::new(),
            outcome: Arc::default(),
        };
        Ok(Self { folder, state: Mutex::new(state), synced: Condvar::new(), half_full: Condvar::new() })
    }

    /// Returns when these lines of a file are on the disk.
    pub fn commit(&self, name: &Path, lines: [&[u8]; 2]) -> io::Result<Committed> {
        let mut state = self.state();
        let length: usize = lines.iter().map(|part| part.len()).sum();
        let used = state.at + state.group.len();
        if length > LONGEST || used + length + entries::HEAD + name.as_os_str().len() > SIZE {
            self.half_full.notify_one();
            return Ok(Committed::NoRoom);
        }
        if used > SIZE / 2 {
            self.half_full.notify_one();
        }
        let generation = state.generation;
        entries::append(&mut state.group, generation, name, lines);
        let outcome = Arc::clone(&state.outcome);
        while outcome.get().is_none() {
            state = match state.leader {
                Leader::None => self.lead(state),
                Leader::AtWork => self.synced.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        match outcome.get() {
            Some(Err(errno)) => Err(io::Error::from_raw_os_error(*errno)),
            Some(Ok(())) | None => Ok(Committed::Done),
        }
    }

    /// Syncs for everybody who has come.
    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let group = std::mem::take(&mut state.group);
        let outcome = std::mem::take(&mut state.outcome);
        let (file, at) = (Arc::clone(&state.file), state.at);
        state.at += group.len();
        state.leader = Leader::AtWork;
        let side = state.side;
        drop(state);
        let written = self.in_place(&file, side).and_then(|file| {
            file.write_all_at(&group, at as u64)?;
            file.sync_data()?;
            Ok(file)
        });
        let mut state = self.state();
        state.leader = Leader::None;
        let _first = match written {
            Ok(file) => {
                state.file = file;
                outcome.set(Ok(()))
            }
            Err(error) => {
                // Whoever reads it stops at the first entry that is not whole; the next group takes its place.
                state.at = at;
                outcome.set(Err(error.raw_os_error().unwrap_or(libc::EIO)))
            }
        };
        self.synced.notify_all();
        state
    }

    /// The file that is written, made anew if somebody has deleted it.
    fn in_place(&self, file: &Arc<File>, side: usize) -> io::Result<Arc<File>> {
        if file.metadata()?.nlink() > 0 {
            Ok(Arc::clone(file))
        } else {
            make(&self.folder, side).map(Arc::new)
        }
    }

    /// Waits until it is time to sync files, but not longer than this.
    pub fn wait(&self, longest: Duration) {
        let state = self.state();
        if state.at <= SIZE / 2 {
            drop(self.half_full.wait_timeout(state, longest));
        }
    }

    /// Turns to the other side. When all files are synced that were written until now, [`Self::forget`] is to be called.
    pub fn turn(&self) -> io::Result<()> {
        let mut state = self.state();
        while state.leader == Leader::AtWork || !state.group.is_empty() {
            state = match state.leader {
                Leader::None => self.lead(state),
                Leader::AtWork => self.synced.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        if state.other == Other::StillNeeded || state.at == 0 {
            return Ok(());
        }
        let side = 1 - state.side;
        state.file = Arc::new(make(&self.folder, side)?);
        state.side = side;
        state.generation += 1;
        state.at = 0;
        state.other = Other::StillNeeded;
        Ok(())
    }

    /// The side that was written before is not needed any more.
    pub fn forget(&self) {
        self.state().other = Other::Free;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a side, and makes it in its full size if it is not there.
fn make(folder: &Path, side: usize) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(SIDES.get(side).copied().unwrap_or_default());
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(path)?;
    if file.metadata()?.len() != SIZE as u64 {
        file.set_len(0)?;
        file.write_all_at(&vec![0; SIZE], 0)?;
        file.sync_all()?;
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests;
