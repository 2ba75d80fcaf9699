//! Keeps the evidence: no record, no forward.
//!
//! What concerns the host goes to one thread (`host.rs`), which writes it down for everybody who waits. A session has a
//! book of its own (`book.rs`), and a relay's thread, which may wait in place, writes there itself. What has to outlive
//! a loss of power is committed in groups (`journal.rs`). `rounds.rs` does what time brings: it has the state signed,
//! files synced, the reserve of `room.rs` put back. `recovery.rs` comes before all of them.

mod archive;
mod book;
mod host;
mod journal;
#[cfg(all(test, feature = "measure"))]
mod measure;
mod packing;
mod recovery;
mod room;
mod rounds;
pub mod signing;
pub mod strangers;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use gateway_audit::canonical::NotCanonical;
use gateway_audit::chain::Chain;
use gateway_audit::event::Event;
use gateway_audit::file::{SessionBegan, SessionSealed};
use gateway_audit::session::SessionOpened;
use tokio::sync::{mpsc, oneshot};

use crate::report::one_line;
use archive::Archive;
pub use book::{Book, Durability};
use host::{Errand, Host};

/// Errands that may wait for the disk; whoever brings one more waits too.
const QUEUE: usize = 1024;

/// Proof that an event was written. What must not happen unrecorded asks for one.
#[derive(Debug)]
#[must_use]
pub struct Recorded(());

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("cannot open {path}")]
    Open { path: String, source: io::Error },
    #[error("another gateway writes to {path}")]
    Taken { path: String },
    #[error("cannot start a thread that keeps records")]
    Thread(#[source] io::Error),
    #[error("cannot write a record")]
    Write(#[source] io::Error),
    #[error("an event cannot be written down")]
    Encode(#[source] NotCanonical),
    #[error("{path} is no key for signing")]
    NoKey { path: String },
    #[error("nothing is added to these records any more")]
    Closed,
    #[error("the thread that writes records is gone")]
    Gone,
}

impl RecordError {
    /// Whether there is no room for it.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Write(source) | Self::Open { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Taken { .. }
            | Self::Thread(_)
            | Self::Encode(_)
            | Self::NoKey { .. }
            | Self::Closed
            | Self::Gone => false,
        }
    }

    /// The same failure for everybody who waited.
    fn again(&self) -> Self {
        match self {
            Self::Write(source) | Self::Open { source, .. } => Self::Write(same(source)),
            Self::Closed => Self::Closed,
            other => Self::Write(io::Error::other(one_line(other))),
        }
    }
}

/// An error once more.
fn same(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::from(error.kind()), io::Error::from_raw_os_error)
}

/// Takes events from everywhere in the gateway.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Errand>,
    archive: Arc<Archive>,
}

impl Recorder {
    /// Sees to what an earlier gateway left in the folder, and goes on from there.
    pub fn open(folder: &Path) -> Result<Self, RecordError> {
        let (archive, recovered) = Archive::open(folder)?;
        let left = recovery::recover(&archive, recovered)?;
        let archive = Arc::new(archive);
        let (queue, errands) = mpsc::channel(QUEUE);
        let packing = packing::start(queue.downgrade(), archive.folder())?;
        let host = Host::begin(Arc::clone(&archive), left, packing)?;
        spawn("records", move || host.run(errands))?;
        let (rounds, asking) = (Arc::clone(&archive), queue.downgrade());
        spawn("rounds", move || rounds::make(&rounds, &asking))?;
        Ok(Self { queue, archive })
    }

    /// Returns once the event stands in the host's records and on the disk.
    pub async fn record(&self, event: Event) -> Result<Recorded, RecordError> {
        let (written, outcome) = oneshot::channel();
        // Nobody may wait any more when the connection is gone; the line stands all the same.
        let tell = move |outcome| drop(written.send(outcome));
        let errand = Errand::Record { event: Box::new(event), written: Some(Box::new(tell)) };
        self.queue.send(errand).await.map_err(|_| RecordError::Gone)?;
        outcome.await.map_err(|_| RecordError::Gone)??;
        Ok(Recorded(()))
    }

    /// As `record`, for a thread that may wait in place.
    pub fn record_here(&self, event: Event) -> Result<Recorded, RecordError> {
        let (written, outcome) = std::sync::mpsc::channel();
        let tell = move |outcome| drop(written.send(outcome));
        let errand = Errand::Record { event: Box::new(event), written: Some(Box::new(tell)) };
        self.queue.try_send(errand).map_err(|_| RecordError::Gone)?;
        outcome.recv().map_err(|_| RecordError::Gone)??;
        Ok(Recorded(()))
    }

    /// For what has happened already and cannot be held back: the failure goes to the log.
    pub async fn note(&self, event: Event) {
        if let Err(error) = self.record(event).await {
            tracing::error!(error = one_line(&error), "an event is missing from the records");
        }
    }

    /// Opens the book of a session. It is sealed when the connection has ended.
    pub async fn open_session(&self, opened: SessionOpened) -> Result<Arc<Book>, RecordError> {
        let name = Archive::name_of(&opened.of.session);
        let began = SessionBegan {
            session: opened.of.session.clone(),
            connection: opened.of.connection,
            agent: opened.of.agent.clone(),
            target: opened.of.target.clone(),
            file: name.display().to_string(),
        };
        let none =
            SessionSealed { session: began.session.clone(), file: began.file.clone(), chain: Chain::EMPTY };
        let connection = began.connection;
        let _recorded = self.record(Event::SessionBegan(began)).await?;
        let archive = Arc::clone(&self.archive);
        let opening = tokio::task::spawn_blocking(move || archive.open_session(&name, opened));
        let opened = opening.await.map_err(|_| RecordError::Gone)?;
        if opened.is_err() && !self.archive.has(connection) {
            self.tell(Event::SessionSealed(none));
        }
        opened
    }

    /// For those who cannot wait at all.
    pub fn tell(&self, event: Event) {
        if self.queue.try_send(Errand::Record { event: Box::new(event), written: None }).is_err() {
            tracing::error!("an event is missing from the records: too many wait to be written");
        }
    }

    /// From here on there is no room for records.
    #[cfg(test)]
    pub fn fill_up(&self) {
        self.archive.disk().room.fill_up();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), RecordError> {
    thread::Builder::new().name(name.into()).spawn(work).map(drop).map_err(RecordError::Thread)
}

/// The one form in which times stand in records.
pub fn timestamp(at: SystemTime) -> String {
    humantime::format_rfc3339_nanos(at).to_string()
}

/// Seconds since 1970, as records write a time.
pub fn rfc3339(seconds: u64) -> String {
    let at = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds));
    at.map_or_else(String::new, |at| humantime::format_rfc3339_seconds(at).to_string())
}

fn now() -> String {
    timestamp(SystemTime::now())
}

/// The day of a time in that form.
fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}

#[cfg(test)]
mod tests;
