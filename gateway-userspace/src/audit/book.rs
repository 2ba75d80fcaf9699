//! One file of records that is being written: a chain, lines that are kept back, and what is on the disk of it.
//!
//! Whoever adds an event has not recorded it before [`Book::write`] returned. What a write that failed would have
//! added is still there to be written or taken back, and the file is as it was.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_audit::chain::Chain;
use gateway_audit::event::Event;
pub use gateway_policy::judge::Durability;

use super::archive::Disk;
use super::journal::Committed;
use super::room::Urgency;
use super::{RecordError, Recorded, now};

/// Owner writes, group reads: whoever may read evidence is put into the group.
pub const MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;
/// Lines that are not on the disk and are remembered, to be committed together with the next that has to be.
const REMEMBERED: usize = 64 << 10;

#[derive(Debug)]
pub struct Book {
    disk: Arc<Disk>,
    /// Below the folder of records.
    name: PathBuf,
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    file: File,
    length: u64,
    written: Chain,
    kept: Vec<u8>,
    mark: Mark,
    unsynced: Unsynced,
    /// Records that the host's chain knows of.
    told: u64,
    /// Whether the folder is known to have the file, should the power fail.
    named: Named,
    synced: Synced,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Synced {
    /// Nothing was written since.
    All,
    NotAll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
}

/// What stands in the file and may not be on the disk.
#[derive(Debug)]
enum Unsynced {
    /// These lines, or none.
    Lines(Vec<u8>),
    /// More than is worth remembering.
    Much,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    No,
    Yes,
}

/// How much was kept back at some time.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    length: usize,
    chain: Chain,
    durability: Durability,
    urgency: Urgency,
}

impl Mark {
    const fn of(chain: Chain) -> Self {
        Self { length: 0, chain, durability: Durability::Buffered, urgency: Urgency::Last }
    }
}

impl Book {
    /// Makes a file that is not there yet. Its chain goes on from `chain`.
    pub fn create(disk: &Arc<Disk>, name: &Path, chain: Chain) -> io::Result<Self> {
        Self::over(disk, name, create(&disk.folder.join(name))?, chain)
    }

    /// Goes on with a file that was left, whose chain stands there.
    pub fn take_up(disk: &Arc<Disk>, name: &Path, chain: Chain) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).open(disk.folder.join(name))?;
        Self::over(disk, name, file, chain)
    }

    fn over(disk: &Arc<Disk>, name: &Path, file: File, chain: Chain) -> io::Result<Self> {
        let pages = Pages {
            length: file.metadata()?.len(),
            file,
            written: chain,
            kept: Vec::new(),
            mark: Mark::of(chain),
            unsynced: Unsynced::Lines(Vec::new()),
            told: chain.records,
            named: Named::No,
            synced: Synced::NotAll,
            state: State::Open,
        };
        Ok(Self { disk: Arc::clone(disk), name: name.to_owned(), pages: Mutex::new(pages) })
    }

    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Adds an event to what is kept back. Returns how many bytes that is now.
    pub fn add(&self, event: &Event, durability: Durability) -> Result<usize, RecordError> {
        let mut pages = self.pages();
        let Pages { mark, kept, .. } = &mut *pages;
        mark.chain.add(&now(), event, kept).map_err(RecordError::Encode)?;
        mark.length = kept.len();
        mark.durability = mark.durability.max(durability);
        mark.urgency = mark.urgency.max(Urgency::of(event));
        Ok(mark.length)
    }

    /// As [`Self::add`], with a time that was said before.
    pub fn add_at(&self, at: &str, event: &Event) -> Result<(), RecordError> {
        let mut pages = self.pages();
        let Pages { mark, kept, .. } = &mut *pages;
        mark.chain.add(at, event, kept).map_err(RecordError::Encode)?;
        mark.length = kept.len();
        mark.durability = Durability::Durable;
        Ok(())
    }

    pub fn mark(&self) -> Mark {
        self.pages().mark
    }

    /// Takes back what was added since then and is not written.
    pub fn back_to(&self, mark: Mark) {
        let mut pages = self.pages();
        pages.kept.truncate(mark.length);
        pages.mark = mark;
    }

    /// Where the chain stands, what is kept back included.
    pub fn chain(&self) -> Chain {
        self.pages().mark.chain
    }

    /// Where the chain stands in the file.
    pub fn written(&self) -> Chain {
        self.pages().written
    }

    pub fn is_closed(&self) -> bool {
        self.pages().state == State::Closed
    }

    pub fn length(&self) -> u64 {
        self.pages().length
    }

    /// Writes what is kept back: all of it or nothing.
    pub fn write(&self) -> Result<Recorded, RecordError> {
        let mut pages = self.pages();
        if pages.state == State::Closed {
            return Err(RecordError::Closed);
        }
        if pages.kept.is_empty() {
            return Ok(Recorded(()));
        }
        let urgency = pages.mark.urgency;
        let written = self.disk.room.admits(urgency).and_then(|()| match self.put(&mut pages) {
            Err(error) if is_full(&error) && urgency == Urgency::Last => {
                self.disk.room.release();
                self.put(&mut pages)
            }
            outcome => outcome,
        });
        match written {
            Ok(()) => Ok(Recorded(())),
            Err(error) => {
                if is_full(&error) {
                    self.disk.room.fill_up();
                }
                self.disk.refused.fetch_add(1, Relaxed);
                Err(RecordError::Write(error))
            }
        }
    }

    fn put(&self, pages: &mut Pages) -> io::Result<()> {
        self.stay_in_place(pages)?;
        pages.synced = Synced::NotAll;
        append(&mut pages.file, &pages.kept, pages.length)?;
        if let Err(error) = self.sync_if_durable(pages) {
            take_back(&pages.file, pages.length);
            return Err(error);
        }
        pages.length += pages.kept.len() as u64;
        pages.written = pages.mark.chain;
        pages.kept.clear();
        pages.mark = Mark::of(pages.written);
        Ok(())
    }

    fn sync_if_durable(&self, pages: &mut Pages) -> io::Result<()> {
        if pages.mark.durability == Durability::Buffered {
            pages.unsynced.remember(&pages.kept);
            return Ok(());
        }
        let committed = match &pages.unsynced {
            Unsynced::Lines(lines) => self.disk.journal.commit(&self.name, [lines, &pages.kept])?,
            Unsynced::Much => Committed::NoRoom,
        };
        if committed == Committed::NoRoom {
            return self.sync_file(pages);
        }
        pages.unsynced = Unsynced::Lines(Vec::new());
        Ok(())
    }

    /// Syncs the file itself, so that its lines are not needed from the journal.
    pub fn sync(&self) -> io::Result<()> {
        let mut pages = self.pages();
        if pages.state == State::Open {
            self.stay_in_place(&mut pages)?;
        }
        match pages.synced {
            Synced::All => Ok(()),
            Synced::NotAll => self.sync_file(&mut pages),
        }
    }

    fn sync_file(&self, pages: &mut Pages) -> io::Result<()> {
        pages.file.sync_data()?;
        if pages.named == Named::No {
            sync_folders(&self.disk.folder, &self.name)?;
            pages.named = Named::Yes;
        }
        pages.unsynced = Unsynced::Lines(Vec::new());
        pages.synced = Synced::All;
        Ok(())
    }

    /// Somebody may have deleted the file. What it holds is still there, and is put in its place again.
    fn stay_in_place(&self, pages: &mut Pages) -> io::Result<()> {
        if pages.file.metadata()?.nlink() > 0 {
            return Ok(());
        }
        tracing::error!(file = %self.name.display(), "records were deleted while they were written; they are put back");
        let mut again = create(&self.disk.folder.join(&self.name))?;
        pages.file.rewind()?;
        let copied =
            io::copy(&mut (&pages.file).take(pages.length), &mut again).and_then(|_| again.sync_data());
        if let Err(error) = copied {
            let _ = std::fs::remove_file(self.disk.folder.join(&self.name));
            return Err(error);
        }
        pages.file = again;
        pages.named = Named::No;
        pages.synced = Synced::NotAll;
        Ok(())
    }

    /// Where the chain stands, if the host's chain has not been told of it.
    pub fn news(&self) -> Option<Chain> {
        let mut pages = self.pages();
        let written = pages.written;
        (std::mem::replace(&mut pages.told, written.records) != written.records).then_some(written)
    }

    /// Nothing is added any more.
    pub fn shut(&self) {
        self.pages().state = State::Closed;
    }

    /// Adds the last record and writes it. Nothing is added after that.
    pub fn close(&self, last: impl FnOnce(u64) -> Event) -> Result<Chain, RecordError> {
        let records = self.chain().records + 1;
        self.add(&last(records), Durability::Durable)?;
        let _recorded = self.write()?;
        let mut pages = self.pages();
        pages.state = State::Closed;
        Ok(pages.written)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsynced {
    fn remember(&mut self, more: &[u8]) {
        match self {
            Self::Lines(lines) if lines.len() + more.len() <= REMEMBERED => lines.extend_from_slice(more),
            Self::Lines(_) | Self::Much => *self = Self::Much,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent()
        && !folder.is_dir()
    {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    }
    OpenOptions::new().read(true).append(true).create_new(true).mode(MODE).open(path)
}

fn append(file: &mut File, bytes: &[u8], length: u64) -> io::Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        match file.write(left) {
            Ok(written @ 1..) => left = left.get(written..).unwrap_or_default(),
            Ok(_) => return Err(ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) => {
                take_back(file, length);
                return Err(error);
            }
        }
    }
    Ok(())
}

fn take_back(file: &File, length: u64) {
    if let Err(error) = file.set_len(length) {
        tracing::error!(%error, "a file of records may end in half a line");
    }
}

/// Makes the folders remember a file and each other, up to the folder of records.
pub fn sync_folders(records: &Path, name: &Path) -> io::Result<()> {
    for folder in name.ancestors().skip(1) {
        File::open(records.join(folder))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
