//! What all books of a gateway share: the disk that they are on, who writes them, and which of them are open.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use gateway_audit::chain::{Chain, FORMAT};
use gateway_audit::event::{Ending, Event};
use gateway_audit::file::{FileBegan, FileOf, Recovered, SessionSealed, SessionStands, SessionsStand};
use gateway_audit::layout;
use gateway_audit::session::SessionOpened;
use nix::fcntl::{Flock, FlockArg};

use super::book::{Book, Durability, MODE};
use super::journal::{self, Journal};
use super::room::Room;
use super::signing::SigningKey;
use super::{RecordError, day, now, recovery};
use crate::report::one_line;

const LOCK: &str = "lock";
/// How long the last breath of an earlier gateway may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Sessions in one record that tells where they stand.
const TOLD_AT_ONCE: usize = 100;

/// Where records go.
#[derive(Debug)]
pub struct Disk {
    pub folder: PathBuf,
    pub journal: Journal,
    pub room: Room,
    /// Writes that failed and are not told yet.
    pub refused: AtomicU64,
}

impl Disk {
    /// Begins a journal later than `generation`, and sets the reserve aside.
    pub fn open(folder: &Path, generation: u64) -> io::Result<Self> {
        let journal = Journal::open(folder, generation)?;
        Ok(Self { folder: folder.to_owned(), journal, room: Room::open(folder), refused: AtomicU64::new(0) })
    }
}

#[derive(Debug)]
pub struct Archive {
    disk: Arc<Disk>,
    host: String,
    key: SigningKey,
    open: Mutex<HashMap<u64, Open>>,
    /// Books that are synced once more: the host's, and those that were closed.
    others: Mutex<Vec<Arc<Book>>>,
    _lock: Flock<File>,
}

#[derive(Debug, Clone)]
struct Open {
    session: String,
    book: Arc<Book>,
}

impl Archive {
    /// Also brings back what the journal knows of the files that an earlier gateway left.
    pub fn open(folder: &Path) -> Result<(Self, Vec<Recovered>), RecordError> {
        let failed = |source| RecordError::Open { path: folder.display().to_string(), source };
        let lock = lock(folder)?;
        let key = SigningKey::load_or_make(folder)?;
        let entries = journal::entries(folder).map_err(failed)?;
        let recovered = recovery::bring_back(folder, &entries).map_err(failed)?;
        let generation = entries.last().map_or(0, |entry| entry.generation);
        let disk = Arc::new(Disk::open(folder, generation).map_err(failed)?);
        let (open, others) = (Mutex::default(), Mutex::default());
        Ok((Self { disk, host: host_name(), key, open, others, _lock: lock }, recovered))
    }

    pub fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }

    pub fn folder(&self) -> &Path {
        &self.disk.folder
    }

    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// What the host's chain is called in checkpoints.
    pub fn origin(&self) -> String {
        format!("postern/{}", self.host)
    }

    /// The file of a session that begins now.
    pub fn name_of(session: &str) -> PathBuf {
        layout::session_file(day(&now()), session)
    }

    pub fn beginning(&self, of: FileOf) -> Event {
        Event::FileBegan(FileBegan {
            format: FORMAT,
            host: self.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            of,
            key: self.key.public().id_text(),
        })
    }

    /// Makes a session's book, with its first records on the disk.
    pub fn open_session(&self, name: &Path, opened: SessionOpened) -> Result<Arc<Book>, RecordError> {
        let (session, connection) = (opened.of.session.clone(), opened.of.connection);
        let book = Book::create(&self.disk, name, Chain::EMPTY).map_err(|error| {
            if error.kind() == io::ErrorKind::StorageFull {
                self.disk.room.fill_up();
            }
            RecordError::Write(error)
        })?;
        let book = Arc::new(book);
        // Whatever becomes of it now, it is sealed with the connection.
        self.sessions().insert(connection, Open { session: session.clone(), book: Arc::clone(&book) });
        book.add(&self.beginning(FileOf::Session(session)), Durability::Durable)?;
        book.add(&Event::SessionOpened(opened), Durability::Durable)?;
        let _recorded = book.write()?;
        Ok(book)
    }

    /// Seals the session of a connection that has ended, if it has one. Returns what the host's chain is to say of it.
    pub fn seal(&self, connection: u64, ending: &Ending) -> Option<SessionSealed> {
        let Open { session, book } = self.sessions().remove(&connection)?;
        let ending = ending.clone();
        match book.close(|records| Event::Sealed { records, ending }) {
            Ok(chain) => {
                let file = book.name().display().to_string();
                self.rest(book);
                Some(SessionSealed { session, file, chain })
            }
            Err(error) => {
                tracing::error!(session, error = one_line(&error), "a session could not be sealed");
                None
            }
        }
    }

    pub fn has(&self, connection: u64) -> bool {
        self.sessions().contains_key(&connection)
    }

    /// The connections whose sessions are open.
    pub fn connections(&self) -> Vec<u64> {
        self.sessions().keys().copied().collect()
    }

    /// Where sessions stand that have moved since this was asked last.
    pub fn news(&self) -> Vec<Event> {
        let open: Vec<Open> = self.sessions().values().cloned().collect();
        let moved = open
            .into_iter()
            .filter_map(|Open { session, book }| book.news().map(|chain| SessionStands { session, chain }));
        self.told(moved.collect())
    }

    /// Where all open sessions stand.
    pub fn standing(&self) -> Vec<Event> {
        let open: Vec<Open> = self.sessions().values().cloned().collect();
        let all =
            open.into_iter().map(|Open { session, book }| SessionStands { session, chain: book.written() });
        self.told(all.collect())
    }

    fn told(&self, stand: Vec<SessionStands>) -> Vec<Event> {
        let chunks = stand.chunks(TOLD_AT_ONCE);
        chunks.map(|sessions| Event::SessionsStand(SessionsStand { sessions: sessions.to_vec() })).collect()
    }

    /// A book that is no open session's, and is to be synced with the others.
    pub fn rest(&self, book: Arc<Book>) {
        self.others.lock().unwrap_or_else(PoisonError::into_inner).push(book);
    }

    /// Syncs all files, so that nothing is needed from the side of the journal that was written until now.
    pub fn sync(&self) -> io::Result<()> {
        self.disk.journal.turn()?;
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let open: Vec<Arc<Book>> = self.sessions().values().map(|open| Arc::clone(&open.book)).collect();
        for book in others.iter().chain(&open) {
            book.sync()?;
        }
        self.disk.journal.forget();
        let done =
            |book: &Arc<Book>| book.is_closed() && others.iter().any(|synced| Arc::ptr_eq(synced, book));
        self.others.lock().unwrap_or_else(PoisonError::into_inner).retain(|book| !done(book));
        Ok(())
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One gateway writes at a time; an earlier one may still be on its way out.
fn lock(folder: &Path) -> Result<Flock<File>, RecordError> {
    let path = folder.join(LOCK);
    let shown = || path.display().to_string();
    let since = Instant::now();
    let open = || OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(&path);
    let mut file = open().map_err(|source| RecordError::Open { path: shown(), source })?;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((again, _)) if since.elapsed() < PATIENCE => file = again,
            Err(_) => return Err(RecordError::Taken { path: folder.display().to_string() }),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The host's name, in letters that stand in a signed note.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain: String = name
        .trim()
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || "-._".contains(*letter))
        .collect();
    if plain.is_empty() { "host".to_owned() } else { plain }
}
