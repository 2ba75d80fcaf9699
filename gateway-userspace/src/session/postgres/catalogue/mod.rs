//! What is known of the databases behind targets: which tables, views and functions there are, read with the gateway's
//! own login and shared by all sessions at the same database.
//!
//! A [`SharedCatalogue`] is one database's. It is read before the first session is judged by it, read again as it ages and
//! when a command names something that is not in it, and not relied on once it could not be read for too long.

mod contents;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use contents::Digest;
use gateway_sql::Catalogue;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::upstream::Upstreams;
use crate::report::one_line;

/// How old it may be before it is read again.
const FRESH: Duration = Duration::from_secs(60);
/// How old it may be at all.
const OLDEST: Duration = Duration::from_secs(600);
/// How soon it may be read again for what it does not have. An agent that makes names up causes no more work than this.
const SOONEST: Duration = Duration::from_secs(1);
/// How long a command waits for that.
const WAIT: Duration = Duration::from_secs(3);
/// How many commands may wait at a time, at all databases together. Each holds up a thread that others may need, so one more
/// is judged by what is known.
const WAITERS: usize = 8;
/// How many databases are known at a time: their names are for agents to choose.
const KEPT: usize = 1024;

/// One database of one server of a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub target: String,
    pub server: SocketAddr,
    pub database: String,
}

/// The catalogues of all databases that sessions are at.
#[derive(Debug, Default)]
pub struct Catalogues {
    kept: Mutex<HashMap<Place, Arc<SharedCatalogue>>>,
    versions: AtomicU64,
    waiting: Arc<WaitingRoom>,
}

/// Where those wait who miss something.
#[derive(Debug)]
pub struct WaitingRoom {
    wanted: Notify,
    places: Semaphore,
}

impl Default for WaitingRoom {
    fn default() -> Self {
        Self { wanted: Notify::new(), places: Semaphore::new(WAITERS) }
    }
}

/// One database's catalogue.
#[derive(Debug)]
pub struct SharedCatalogue {
    pages: Mutex<Pages>,
    /// The catalogue's version, to be asked before each command.
    version: AtomicU64,
    turned: Condvar,
    waiting: Arc<WaitingRoom>,
}

#[derive(Debug)]
struct Pages {
    catalogue: Arc<Catalogue>,
    /// Of the rows that it was made of.
    digest: Option<Digest>,
    read_at: Option<Instant>,
    wanted: bool,
}

impl Catalogues {
    /// The catalogue of a database, read now if there is none to rely on. If it cannot be read, nothing is known of what the
    /// target has.
    pub async fn open(&self, place: Place, upstreams: &Upstreams) -> Arc<SharedCatalogue> {
        let shared = self.shared(&place);
        if shared.age().is_none_or(|age| age > OLDEST) {
            self.read(&place, &shared, upstreams).await;
        }
        shared
    }

    /// The catalogue of no database.
    pub fn none(&self) -> Arc<SharedCatalogue> {
        Arc::new(SharedCatalogue::unread(Arc::clone(&self.waiting)))
    }

    /// Keeps the catalogues of open sessions fresh, for as long as it is polled.
    pub async fn keep(&self, upstreams: &Upstreams) {
        loop {
            // Whichever comes first; both mean to look.
            let _ = timeout(SOONEST, self.waiting.wanted.notified()).await;
            for (place, shared) in self.in_use() {
                if shared.is_due() {
                    self.read(&place, &shared, upstreams).await;
                }
            }
        }
    }

    fn shared(&self, place: &Place) -> Arc<SharedCatalogue> {
        let mut kept = lock(&self.kept);
        if let Some(shared) = kept.get(place) {
            return Arc::clone(shared);
        }
        let shared = Arc::new(SharedCatalogue::unread(Arc::clone(&self.waiting)));
        if kept.len() >= KEPT {
            kept.retain(|_, shared| Arc::strong_count(shared) > 1);
        }
        if kept.len() < KEPT {
            kept.insert(place.clone(), Arc::clone(&shared));
        }
        shared
    }

    /// Forgets those that nobody is at and that have become old.
    fn in_use(&self) -> Vec<(Place, Arc<SharedCatalogue>)> {
        let mut kept = lock(&self.kept);
        kept.retain(|_, shared| {
            Arc::strong_count(shared) > 1 || shared.age().is_some_and(|age| age < OLDEST)
        });
        let used = kept.iter().filter(|(_, shared)| Arc::strong_count(shared) > 1);
        used.map(|(place, shared)| (place.clone(), Arc::clone(shared))).collect()
    }

    async fn read(&self, place: &Place, shared: &SharedCatalogue, upstreams: &Upstreams) {
        let begun = Instant::now();
        match self.ask(place, shared, upstreams).await {
            Ok(News::Same) => shared.confirm(begun),
            Ok(News::Other(catalogue, digest)) => shared.replace(*catalogue, digest, begun),
            Err(error) => {
                let Place { target, database, .. } = place;
                tracing::warn!(error, target, database, "cannot read what the target has");
                shared.could_not_read(self.next_version());
            }
        }
    }

    async fn ask(
        &self,
        place: &Place,
        shared: &SharedCatalogue,
        upstreams: &Upstreams,
    ) -> Result<News, String> {
        let Place { target, server, database } = place;
        let rows = upstreams.look(target, *server, database, contents::QUESTION).await;
        let rows = rows.map_err(|error| one_line(&error))?;
        let digest = contents::digest(&rows);
        if lock(&shared.pages).digest == Some(digest) {
            return Ok(News::Same);
        }
        let catalogue = contents::catalogue(rows, self.next_version()).map_err(|error| one_line(&error))?;
        Ok(News::Other(Box::new(catalogue), digest))
    }

    fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Relaxed) + 1
    }
}

/// What came of reading a catalogue again.
enum News {
    Same,
    Other(Box<Catalogue>, Digest),
}

impl SharedCatalogue {
    /// Nobody has asked yet.
    pub fn unread(waiting: Arc<WaitingRoom>) -> Self {
        let pages =
            Pages { catalogue: Arc::new(Catalogue::absent()), digest: None, read_at: None, wanted: false };
        Self { pages: Mutex::new(pages), version: AtomicU64::new(0), turned: Condvar::new(), waiting }
    }

    pub fn version(&self) -> u64 {
        self.version.load(Relaxed)
    }

    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&lock(&self.pages).catalogue)
    }

    /// Waits until it has been read again, for a command that names something it does not have. It says whether it was.
    pub fn look_again(&self) -> bool {
        let Ok(_place) = self.waiting.places.try_acquire() else { return false };
        let mut pages = lock(&self.pages);
        let before = pages.read_at;
        pages.wanted = true;
        self.waiting.wanted.notify_one();
        let waiting = |pages: &mut Pages| pages.wanted && pages.read_at == before;
        let (pages, _) =
            self.turned.wait_timeout_while(pages, WAIT, waiting).unwrap_or_else(PoisonError::into_inner);
        pages.read_at != before
    }

    fn age(&self) -> Option<Duration> {
        lock(&self.pages).read_at.map(|at| at.elapsed())
    }

    fn is_due(&self) -> bool {
        let pages = lock(&self.pages);
        let limit = if pages.wanted { SOONEST } else { FRESH };
        pages.read_at.is_none_or(|at| at.elapsed() >= limit)
    }

    /// It is as it was when the server was asked, which is before it answered.
    fn replace(&self, catalogue: Catalogue, digest: Digest, asked_at: Instant) {
        let mut pages = lock(&self.pages);
        self.version.store(catalogue.version, Relaxed);
        let (catalogue, digest) = (Arc::new(catalogue), Some(digest));
        *pages = Pages { catalogue, digest, read_at: Some(asked_at), wanted: false };
        self.turned.notify_all();
    }

    /// It has not changed.
    fn confirm(&self, asked_at: Instant) {
        let mut pages = lock(&self.pages);
        (pages.read_at, pages.wanted) = (Some(asked_at), false);
        self.turned.notify_all();
    }

    fn could_not_read(&self, version: u64) {
        let mut pages = lock(&self.pages);
        pages.wanted = false;
        if pages.read_at.is_none_or(|at| at.elapsed() > OLDEST) {
            pages.digest = None;
            if pages.read_at.is_none() {
                pages.catalogue = Arc::new(Catalogue::read(version));
            }
            let catalogue = Arc::make_mut(&mut pages.catalogue);
            catalogue.outdate();
            catalogue.version = version;
            self.version.store(version, Relaxed);
        }
        self.turned.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
