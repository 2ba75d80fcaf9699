//! The host's own chain, and the one thread that writes it: it takes what is to be recorded in batches, seals sessions
//! whose connections have ended, has the state signed, and begins a new file now and then.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use gateway_audit::chain::Chain;
use gateway_audit::checkpoint::Checkpoint;
use gateway_audit::event::{Ending, Event};
use gateway_audit::file::{FileOf, SessionSealed, SignedState};
use gateway_audit::layout;
use tokio::sync::mpsc;

use super::archive::Archive;
use super::book::{Book, Durability};
use super::packing::Packing;
use super::recovery::Left;
use super::room::Urgency;
use super::{RecordError, day, now};
use crate::report::one_line;

/// Events that one sync takes along when many wait.
const BATCH: usize = 64;
/// The size at which a file is full.
const FULL: u64 = 64 << 20;

/// What becomes of an event is told to whoever waits.
pub type Written = Box<dyn FnOnce(Result<(), RecordError>) + Send>;

/// Something to do for the thread of the host's chain.
pub enum Errand {
    /// To be written down. Whoever waits hears when it stands on the disk.
    Record { event: Box<Event>, written: Option<Written> },
    /// What happened since the last time is to be signed.
    Sign,
}

pub struct Host {
    archive: Arc<Archive>,
    book: Arc<Book>,
    day: String,
    /// Records up to the last signed state, its own included.
    signed: u64,
    packing: Packing,
}

impl Host {
    /// Begins a file that goes on from what was left.
    pub fn begin(archive: Arc<Archive>, left: Left, packing: Packing) -> Result<Self, RecordError> {
        let book = next_book(&archive, left.chain)?;
        for event in &left.events {
            book.add(event, Durability::Durable)?;
        }
        let host = Self { day: day(&now()).to_owned(), signed: left.chain.records, archive, book, packing };
        // Without room it stays kept back, and is written with what comes first when there is some.
        if let Err(error) = host.book.write()
            && !error.is_full()
        {
            return Err(error);
        }
        left.complete.into_iter().for_each(|name| host.pack(name));
        Ok(host)
    }

    pub fn run(mut self, mut errands: mpsc::Receiver<Errand>) {
        let mut batch = Vec::with_capacity(BATCH);
        while errands.blocking_recv_many(&mut batch, BATCH) > 0 {
            let mut sign = Sign::No;
            let mut records = Vec::with_capacity(batch.len());
            for errand in batch.drain(..) {
                match errand {
                    Errand::Sign => sign = Sign::Yes,
                    Errand::Record { event, written } => {
                        // The end is signed as it stands.
                        if matches!(*event, Event::Stopped { .. }) {
                            self.seal_all(&mut records);
                            sign = Sign::Yes;
                        }
                        records.push(Waiting { event: *event, written });
                    }
                }
            }
            let waiting = self.record(records);
            if sign == Sign::Yes
                && let Err(error) = self.sign()
            {
                tracing::error!(error = one_line(&error), "the state of the records cannot be signed");
            }
            waiting.into_iter().for_each(Told::tell);
            if let Err(error) = self.turn_page() {
                tracing::error!(error = one_line(&error), "no new file of records can be begun");
            }
        }
    }

    /// Sessions that nobody has ended are ended by the gateway's stop.
    fn seal_all(&self, records: &mut Vec<Waiting>) {
        for connection in self.archive.connections() {
            if let Some(sealed) = self.archive.seal(connection, &Ending::GatewayStopped) {
                records.push(Waiting { event: Event::SessionSealed(sealed), written: None });
            }
        }
    }

    /// Writes down what waits. If there is no room, what has happened already is written from the reserve.
    fn record(&self, records: Vec<Waiting>) -> Vec<Told> {
        if records.is_empty() {
            return Vec::new();
        }
        let sealed: Vec<SessionSealed> =
            records.iter().filter_map(|waiting| self.seal(&waiting.event)).collect();
        let seals: Vec<Event> = sealed.iter().cloned().map(Event::SessionSealed).collect();
        let mark = self.book.mark();
        let all = self.write(seals.iter().chain(records.iter().map(|waiting| &waiting.event)));
        let told = match all {
            Err(error) if error.is_full() => {
                self.book.back_to(mark);
                let last = |event: &&Event| Urgency::of(event) == Urgency::Last;
                let outcome =
                    self.write(seals.iter().chain(records.iter().map(|waiting| &waiting.event).filter(last)));
                if outcome.is_err() {
                    self.book.back_to(mark);
                }
                let refused = Err(error);
                records.into_iter().map(|waiting| waiting.told_apart(&outcome, &refused)).collect()
            }
            outcome => {
                if outcome.is_err() {
                    self.book.back_to(mark);
                }
                records.into_iter().map(|waiting| waiting.told_apart(&outcome, &outcome)).collect()
            }
        };
        sealed.into_iter().for_each(|sealed| self.pack(sealed.file.into()));
        told
    }

    fn seal(&self, event: &Event) -> Option<SessionSealed> {
        let Event::Ended(ended) = event else { return None };
        self.archive.seal(ended.connection.connection, &ended.ending)
    }

    fn write<'a>(&self, events: impl Iterator<Item = &'a Event>) -> Result<(), RecordError> {
        for event in events {
            self.book.add(event, Durability::Durable)?;
        }
        self.book.write().map(drop)
    }

    /// Signs the chain, if anything happened but the last signature.
    fn sign(&mut self) -> Result<(), RecordError> {
        // Somebody may have deleted it, and without it no signature is worth anything.
        if let Err(error) = self.archive.key().publish(self.archive.folder()) {
            tracing::warn!(%error, "the public key cannot be put beside the records");
        }
        let refused = self.archive.disk().refused.swap(0, Relaxed);
        let mut news = self.archive.news();
        if refused > 0 {
            news.push(Event::Unrecorded { count: refused });
        }
        if news.is_empty() && self.book.chain().records == self.signed {
            return Ok(());
        }
        let mark = self.book.mark();
        let signed = self.write_signed(&news);
        if signed.is_err() {
            self.archive.disk().refused.fetch_add(refused, Relaxed);
            self.book.back_to(mark);
        }
        signed
    }

    fn write_signed(&mut self, news: &[Event]) -> Result<(), RecordError> {
        for event in news {
            self.book.add(event, Durability::Durable)?;
        }
        let (at, chain) = (now(), self.book.chain());
        let origin = self.archive.origin();
        let checkpoint = Checkpoint { origin, records: chain.records, hash: chain.hash, at: at.clone() };
        let note = self.archive.key().sign(&checkpoint);
        self.book.add_at(&at, &Event::Checkpoint(SignedState { note: note.clone() }))?;
        let _recorded = self.book.write()?;
        self.signed = self.book.chain().records;
        if let Err(error) = put_beside(&self.archive.folder().join(layout::CHECKPOINT), &note) {
            tracing::warn!(%error, "the last checkpoint cannot be put beside the records");
        }
        Ok(())
    }

    /// Begins a new file when this one is full or a day has ended.
    fn turn_page(&mut self) -> Result<(), RecordError> {
        let today = day(&now()).to_owned();
        if self.book.length() < FULL && self.day == today {
            return Ok(());
        }
        self.sign()?;
        let next = next_book(&self.archive, self.book.chain())?;
        for event in self.archive.standing() {
            next.add(&event, Durability::Durable)?;
        }
        let _recorded = next.write()?;
        let full = std::mem::replace(&mut self.book, next);
        full.shut();
        self.day = today;
        self.pack(full.name().to_owned());
        Ok(())
    }

    fn pack(&self, name: std::path::PathBuf) {
        // Without the thread it stays as it is, which can be read as well.
        let _ = self.packing.send(name);
    }
}

/// A file that goes on from there, its first record kept back.
fn next_book(archive: &Archive, chain: Chain) -> Result<Arc<Book>, RecordError> {
    let name = layout::host_file(chain.records);
    let failed =
        |source| RecordError::Open { path: archive.folder().join(&name).display().to_string(), source };
    let book = Arc::new(Book::create(archive.disk(), &name, chain).map_err(failed)?);
    book.add(&archive.beginning(FileOf::Host), Durability::Durable)?;
    archive.rest(Arc::clone(&book));
    Ok(book)
}

fn put_beside(path: &Path, note: &str) -> io::Result<()> {
    let begun = path.with_extension("new");
    fs::write(&begun, note)?;
    fs::rename(begun, path)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    No,
    Yes,
}

/// An event, and the place where somebody may wait for it.
struct Waiting {
    event: Event,
    written: Option<Written>,
}

/// What is to be said to whoever waits, once everything is done.
struct Told {
    outcome: Result<(), RecordError>,
    written: Option<Written>,
}

impl Waiting {
    fn told_apart(self, last: &Result<(), RecordError>, usual: &Result<(), RecordError>) -> Told {
        let outcome = match Urgency::of(&self.event) {
            Urgency::Last => last,
            Urgency::Usual => usual,
        };
        Told { outcome: outcome.as_ref().copied().map_err(RecordError::again), written: self.written }
    }
}

impl Told {
    fn tell(self) {
        match (self.written, self.outcome) {
            // Nobody may wait any more when the connection is gone; the line stands all the same.
            (Some(written), outcome) => written(outcome),
            (None, Err(error)) => {
                tracing::error!(error = one_line(&error), "an event is missing from the records");
            }
            (None, Ok(())) => (),
        }
    }
}
