//! Room on the disk. A part of it is kept for what has to be told even when there is none: denials, and how sessions and
//! connections ended. When that part is touched, nothing new is let through until there is room for it again.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gateway_audit::event::Event;
use gateway_audit::session::Verdict;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::statvfs;

use super::book::MODE;

const FILE: &str = "reserve";
const RESERVE: i64 = 4 << 20;
/// There is room again when so much more than the reserve is free.
const COMFORTABLE: u64 = 4 << 20;

/// Whether an event may use up the reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It is about something that has happened, or is refused.
    Last,
    /// Something is let through because of it.
    Usual,
}

impl Urgency {
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Command(command) => match command.verdict {
                Verdict::Denied(_) => Self::Last,
                _ => Self::Usual,
            },
            Event::Opened(_)
            | Event::LeaseGiven(_)
            | Event::LeaseExtended(_)
            | Event::Asked(_)
            | Event::SessionBegan(_)
            | Event::SessionOpened(_)
            | Event::FileBegan(_)
            | Event::Started { .. } => Self::Usual,
            _ => Self::Last,
        }
    }
}

#[derive(Debug)]
pub struct Room {
    folder: PathBuf,
    full: AtomicBool,
}

impl Room {
    /// Sets the reserve aside. Without room for it there is none for anything.
    pub fn open(folder: &Path) -> Self {
        let room = Self { folder: folder.to_owned(), full: AtomicBool::new(true) };
        room.look();
        room
    }

    pub fn admits(&self, urgency: Urgency) -> io::Result<()> {
        match urgency {
            Urgency::Usual if self.full.load(Relaxed) => Err(ErrorKind::StorageFull.into()),
            Urgency::Usual | Urgency::Last => Ok(()),
        }
    }

    /// A write found no room.
    pub fn fill_up(&self) {
        if !self.full.swap(true, Relaxed) {
            tracing::error!("there is no room for records: nothing new is let through");
        }
    }

    /// Gives the reserve to those who have to write now.
    pub fn release(&self) {
        self.fill_up();
        if let Err(error) = OpenOptions::new().write(true).open(self.path()).and_then(|file| file.set_len(0))
        {
            tracing::warn!(%error, "cannot release the reserve for records");
        }
    }

    /// Whether there is room again; then the reserve is set aside anew.
    pub fn look(&self) {
        if !self.full.load(Relaxed) {
            return;
        }
        match self.set_aside() {
            Ok(()) => {
                if self.full.swap(false, Relaxed) {
                    tracing::info!("there is room for records");
                }
            }
            Err(error) => tracing::debug!(%error, "there is no room for records yet"),
        }
    }

    fn set_aside(&self) -> io::Result<()> {
        let file: File =
            OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(self.path())?;
        let set_aside = fallocate(&file, FallocateFlags::empty(), 0, RESERVE);
        if let Err(error) = set_aside {
            file.set_len(0)?;
            return Err(error.into());
        }
        let facts = statvfs(&self.folder)?;
        if facts.blocks_available().saturating_mul(facts.fragment_size()) < COMFORTABLE {
            file.set_len(0)?;
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_only_what_has_happened_is_told_until_there_is_some_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let room = Room::open(folder.path());
        let reserve = folder.path().join(FILE);
        let kept = || std::fs::metadata(&reserve).expect("a reserve").len();
        assert!(room.admits(Urgency::Usual).is_ok());
        assert_eq!(kept(), 4 << 20);
        room.release();
        assert_eq!(kept(), 0);
        assert!(room.admits(Urgency::Usual).is_err());
        assert!(room.admits(Urgency::Last).is_ok());
        room.look();
        assert!(room.admits(Urgency::Usual).is_ok());
        assert_eq!(kept(), 4 << 20);
    }
}
