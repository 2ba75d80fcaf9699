//! Keeps the evidence: no record, no forward.
//!
//! The event loop hands an event to a thread and waits until the kernel has taken its line. The queue is bounded,
//! so a slow disk slows the connections that wait for it and a broken one refuses them. A relay's thread, which may
//! wait in place, appends its lines itself.

pub mod strangers;
mod writer;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use gateway_audit::event::{Event, Record};
use tokio::sync::{mpsc, oneshot};

use crate::report::one_line;
use writer::{Line, Writer};

/// Lines that may wait for the disk; whoever brings one more waits too.
const QUEUE: usize = 1024;

/// Proof that an event was written. What must not happen unrecorded asks for one.
#[derive(Debug)]
#[must_use]
pub struct Recorded(());

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("cannot open the record file {path}")]
    Open { path: String, source: std::io::Error },
    #[error("cannot start the thread that writes records")]
    Thread(#[source] std::io::Error),
    #[error("cannot write a record")]
    Write(#[source] std::io::Error),
    #[error("an event cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    #[error("the thread that writes records is gone")]
    Gone,
}

impl RecordError {
    /// Whether there is no room for it.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Write(source) => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Open { .. } | Self::Thread(_) | Self::Encode(_) | Self::Gone => false,
        }
    }
}

/// Takes events from everywhere in the gateway.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Line>,
    writer: Arc<Writer>,
}

impl Recorder {
    /// Opens `events.jsonl` in `folder` and goes on where it ends.
    pub fn open(folder: &Path) -> Result<Self, RecordError> {
        let path = folder.join("events.jsonl");
        Self::over(&path)
    }

    /// Appends to this very file.
    pub fn over(path: &Path) -> Result<Self, RecordError> {
        let writer = Writer::open(path)?;
        let (queue, lines) = mpsc::channel(QUEUE);
        let writer = Arc::new(writer);
        let on_behalf = Arc::clone(&writer);
        std::thread::Builder::new()
            .name("records".into())
            .spawn(move || on_behalf.run(lines))
            .map_err(RecordError::Thread)?;
        Ok(Self { queue, writer })
    }

    /// Returns once the line is with the kernel.
    pub async fn record(&self, event: Event) -> Result<Recorded, RecordError> {
        let mut bytes = Vec::new();
        add_line(&mut bytes, event)?;
        let (written, outcome) = oneshot::channel();
        self.queue.send(Line { bytes, written }).await.map_err(|_| RecordError::Gone)?;
        outcome.await.map_err(|_| RecordError::Gone)?.map_err(RecordError::Write)?;
        Ok(Recorded(()))
    }

    /// Appends lines of [`add_line`] in one piece, on the calling thread.
    pub fn append(&self, lines: &[u8]) -> Result<Recorded, RecordError> {
        self.writer.append(lines).map_err(RecordError::Write)?;
        Ok(Recorded(()))
    }

    /// For what has happened already and cannot be held back: the failure goes to the log.
    pub async fn note(&self, event: Event) {
        if let Err(error) = self.record(event).await {
            tracing::error!(error = one_line(&error), "an event is missing from the records");
        }
    }
}

/// Adds an event, as a line of the record file that is written now.
pub fn add_line(lines: &mut Vec<u8>, event: Event) -> Result<(), RecordError> {
    let begin = lines.len();
    if let Err(error) = serde_json::to_writer(&mut *lines, &Record { at: now(), event }) {
        lines.truncate(begin);
        return Err(RecordError::Encode(error));
    }
    lines.push(b'\n');
    Ok(())
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

#[cfg(test)]
mod tests;
