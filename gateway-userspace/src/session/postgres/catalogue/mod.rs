//! What is known of the databases behind targets: which tables, views and functions there are, read with the gateway's
//! own login and shared by all sessions at the same database.
//!
//! A [`Book`] is one database's catalogue. It is read before the first session is judged by it, read again as it ages and
//! when a command names something that is not in it, and not relied on once it could not be read for too long.

mod contents;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gateway_sql::Catalogue;
use tokio::sync::Notify;
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
/// How many databases are known at a time: their names are for agents to choose.
const BOOKS: usize = 1024;

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
    books: Mutex<HashMap<Place, Arc<Book>>>,
    versions: AtomicU64,
    wanted: Arc<Notify>,
}

/// One database's catalogue.
#[derive(Debug)]
pub struct Book {
    pages: Mutex<Pages>,
    /// The catalogue's version, to be asked before each command.
    version: AtomicU64,
    turned: Condvar,
    wanted: Arc<Notify>,
}

#[derive(Debug)]
struct Pages {
    catalogue: Arc<Catalogue>,
    read_at: Option<Instant>,
    wanted: bool,
}

impl Catalogues {
    /// The catalogue of a database, read now unless it is fresh. Without one, only what PostgreSQL ships is known.
    pub async fn open(&self, place: &Place, upstreams: &Upstreams) -> Arc<Book> {
        let book = self.book(place);
        if book.age().is_none_or(|age| age > FRESH) {
            self.read(place, &book, upstreams).await;
        }
        book
    }

    /// Keeps the catalogues of open sessions fresh, for as long as it is polled.
    pub async fn keep(&self, upstreams: &Upstreams) {
        loop {
            // Whichever comes first; both mean to look.
            let _ = timeout(SOONEST, self.wanted.notified()).await;
            for (place, book) in self.in_use() {
                if book.is_due() {
                    self.read(&place, &book, upstreams).await;
                }
            }
        }
    }

    fn book(&self, place: &Place) -> Arc<Book> {
        let mut books = lock(&self.books);
        if let Some(book) = books.get(place) {
            return Arc::clone(book);
        }
        let book = Arc::new(Book::new(Arc::clone(&self.wanted)));
        if books.len() >= BOOKS {
            books.retain(|_, book| Arc::strong_count(book) > 1);
        }
        if books.len() < BOOKS {
            books.insert(place.clone(), Arc::clone(&book));
        }
        book
    }

    /// Forgets those that nobody is at and that have become old.
    fn in_use(&self) -> Vec<(Place, Arc<Book>)> {
        let mut books = lock(&self.books);
        books.retain(|_, book| Arc::strong_count(book) > 1 || book.age().is_some_and(|age| age < OLDEST));
        let used = books.iter().filter(|(_, book)| Arc::strong_count(book) > 1);
        used.map(|(place, book)| (place.clone(), Arc::clone(book))).collect()
    }

    async fn read(&self, place: &Place, book: &Book, upstreams: &Upstreams) {
        let begun = Instant::now();
        let version = self.versions.fetch_add(1, Relaxed) + 1;
        let rows = upstreams.look(&place.target, place.server, &place.database, contents::QUESTION).await;
        let read = rows.map_err(|error| one_line(&error)).and_then(|rows| {
            contents::catalogue(rows, version).map_err(|error| one_line(&error))
        });
        match read {
            Ok(catalogue) => book.replace(catalogue, begun),
            Err(error) => {
                tracing::warn!(error, target = place.target, database = place.database, "cannot read its catalogue");
                book.could_not_read(version);
            }
        }
    }
}

impl Book {
    fn new(wanted: Arc<Notify>) -> Self {
        let pages = Pages { catalogue: Arc::new(Catalogue::absent()), read_at: None, wanted: false };
        Self { pages: Mutex::new(pages), version: AtomicU64::new(0), turned: Condvar::new(), wanted }
    }

    pub fn version(&self) -> u64 {
        self.version.load(Relaxed)
    }

    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&lock(&self.pages).catalogue)
    }

    /// Waits until it has been read again, for a command that names something it does not have. It says whether it has
    /// changed; it has not if it was read a moment ago.
    pub fn look_again(&self) -> bool {
        let mut pages = lock(&self.pages);
        let before = pages.read_at;
        if before.is_none_or(|at| at.elapsed() < SOONEST) {
            return false;
        }
        pages.wanted = true;
        self.wanted.notify_one();
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
        pages.wanted || pages.read_at.is_none_or(|at| at.elapsed() > FRESH)
    }

    /// It is as it was when the server was asked, which is before it answered.
    fn replace(&self, catalogue: Catalogue, asked_at: Instant) {
        let mut pages = lock(&self.pages);
        let version = catalogue.version;
        *pages = Pages { catalogue: Arc::new(catalogue), read_at: Some(asked_at), wanted: false };
        self.version.store(version, Relaxed);
        self.turned.notify_all();
    }

    fn could_not_read(&self, version: u64) {
        let mut pages = lock(&self.pages);
        pages.wanted = false;
        if pages.read_at.is_some_and(|at| at.elapsed() > OLDEST) {
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
