//! Keeps the evidence: no record, no forward.
//!
//! One thread writes; everybody else hands over an event and waits until the kernel has taken its line. The
//! queue is bounded, so a slow disk slows the connections that wait for it and a broken one refuses them.

mod writer;

use std::path::Path;
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

/// Takes events from everywhere in the gateway.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Line>,
}

impl Recorder {
    /// Opens `events.jsonl` in `folder` and goes on where it ends.
    pub fn open(folder: &Path) -> Result<Self, RecordError> {
        let path = folder.join("events.jsonl");
        Self::over(Writer::open(&path)?)
    }

    fn over(writer: Writer) -> Result<Self, RecordError> {
        let (queue, lines) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("records".into())
            .spawn(move || writer.run(lines))
            .map_err(RecordError::Thread)?;
        Ok(Self { queue })
    }

    /// Returns once the line is with the kernel.
    pub async fn record(&self, event: Event) -> Result<Recorded, RecordError> {
        let mut bytes = serde_json::to_vec(&Record { at: now(), event }).map_err(RecordError::Encode)?;
        bytes.push(b'\n');
        let (written, outcome) = oneshot::channel();
        self.queue.send(Line { bytes, written }).await.map_err(|_| RecordError::Gone)?;
        outcome.await.map_err(|_| RecordError::Gone)?.map_err(RecordError::Write)?;
        Ok(Recorded(()))
    }

    /// For what has happened already and cannot be held back: the failure goes to the log.
    pub async fn note(&self, event: Event) {
        if let Err(error) = self.record(event).await {
            tracing::error!(error = one_line(&error), "an event is missing from the records");
        }
    }
}

/// The one form in which times stand in records.
pub fn timestamp(at: SystemTime) -> String {
    humantime::format_rfc3339_nanos(at).to_string()
}

fn now() -> String {
    timestamp(SystemTime::now())
}

#[cfg(test)]
mod tests;
