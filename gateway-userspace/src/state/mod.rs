//! What must outlive the gateway: one SQLite file, `state.db`, in the folder `serve.state`.
//!
//! Each capability owns its tables and their history, a [`Part`] in a file of its own. What is asked of the file is done
//! by one thread, whole or not at all, and stands on the disk before the answer: the event loop never waits for it.

mod open;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use crate::access::store;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait for the disk; whoever brings one more waits too.
const QUEUE: usize = 256;

/// The tables of one capability.
#[derive(Debug)]
pub struct Part {
    pub name: &'static str,
    /// How its tables came to be what they are. Steps are added behind, and never changed.
    pub steps: &'static [&'static str],
}

/// All there are. A file that has others belongs to a newer gateway.
const PARTS: &[Part] = &[store::PART, crate::approvals::PART];

#[derive(Debug, Error)]
pub enum StateError {
    #[error("cannot use the folder {}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("cannot open {}", path.display())]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("{} is no state of a gateway", path.display())]
    Foreign { path: PathBuf },
    #[error("{} is damaged: {what}", path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("{} was written by a newer gateway: it has version {found} of `{part}`", path.display())]
    Newer { path: PathBuf, part: String, found: u32 },
    #[error("cannot start the thread that keeps the state")]
    Thread(#[source] io::Error),
    #[error("cannot read or write the state")]
    Job(#[from] rusqlite::Error),
    #[error("the thread that keeps the state is gone")]
    Gone,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The open file.
#[derive(Debug, Clone)]
pub struct State {
    jobs: mpsc::Sender<Job>,
}

impl State {
    /// Opens the file in `folder`, or makes both.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        Self::with(folder, PARTS)
    }

    fn with(folder: &Path, parts: &[Part]) -> Result<Self, StateError> {
        let mut file = open::open(folder, parts)?;
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let keep = move || {
            while let Some(job) = waiting.blocking_recv() {
                job(&mut file);
            }
        };
        std::thread::Builder::new().name("state".into()).spawn(keep).map_err(StateError::Thread)?;
        Ok(Self { jobs })
    }

    /// Runs `work` in a transaction. When this returns, what it wrote would survive a power cut.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StateError> {
        let (job, done) = job(work);
        self.jobs.send(job).await.map_err(|_| StateError::Gone)?;
        Ok(done.await.map_err(|_| StateError::Gone)??)
    }

    /// The same on a thread that may wait, and is none of the event loop's.
    pub fn run_here<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StateError> {
        let (job, done) = job(work);
        self.jobs.blocking_send(job).map_err(|_| StateError::Gone)?;
        Ok(done.blocking_recv().map_err(|_| StateError::Gone)??)
    }

    /// The same for what nobody waits for, since it would be found out at the next start. A failure is in the log.
    pub fn begin(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()> + Send + 'static) {
        let work = Box::new(move |file: &mut Connection| {
            if let Err(error) = whole(file, work) {
                tracing::error!(%error, "cannot keep a change of state");
            }
        });
        if self.jobs.try_send(work).is_err() {
            tracing::error!("cannot keep a change of state, since too much waits to be kept");
        }
    }

    /// The same where there is no event loop yet.
    pub fn run_first<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StateError> {
        let (job, done) = job(work);
        // Nothing waits before the gateway runs, so there is room.
        self.jobs.try_send(job).map_err(|_| StateError::Gone)?;
        let (told, heard) = std::sync::mpsc::channel();
        let wait = move || drop(told.send(done.blocking_recv()));
        std::thread::Builder::new().name("state".into()).spawn(wait).map_err(StateError::Thread)?;
        Ok(heard.recv().map_err(|_| StateError::Gone)?.map_err(|_| StateError::Gone)??)
    }
}

fn job<T: Send + 'static>(
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
) -> (Job, oneshot::Receiver<rusqlite::Result<T>>) {
    let (told, done) = oneshot::channel();
    let job = Box::new(move |file: &mut Connection| {
        let outcome = whole(file, work);
        // Whoever asked may be gone; it is done all the same.
        let _ = told.send(outcome);
    });
    (job, done)
}

fn whole<T>(
    file: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let outcome = work(&transaction)?;
    transaction.commit()?;
    Ok(outcome)
}
