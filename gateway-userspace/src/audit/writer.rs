//! Appends lines to the record file: for those who cannot wait in place a thread does, the others do it themselves.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::RecordError;

/// Owner writes, group reads: whoever may read evidence is put into the group.
const MODE: u32 = 0o640;
/// Lines that one write takes along when many wait.
const BATCH: usize = 64;

/// One line and the place where somebody waits for it.
#[derive(Debug)]
pub struct Line {
    pub bytes: Vec<u8>,
    pub written: oneshot::Sender<io::Result<()>>,
}

/// The record file. Whoever appends has it alone meanwhile, so that half a line can be taken back.
#[derive(Debug)]
pub struct Writer {
    file: Mutex<File>,
}

impl Writer {
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let failed = |source| RecordError::Open { path: path.display().to_string(), source };
        let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path).map_err(failed)?;
        Ok(Self { file: Mutex::new(file) })
    }

    pub fn run(&self, mut lines: mpsc::Receiver<Line>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut bytes = Vec::new();
        while lines.blocking_recv_many(&mut batch, BATCH) > 0 {
            bytes.clear();
            batch.iter().for_each(|line| bytes.extend_from_slice(&line.bytes));
            let outcome = self.append(&bytes);
            for line in batch.drain(..) {
                let copy = outcome.as_ref().map_err(same).copied();
                // Nobody waits any more when the connection is gone; the line stands all the same.
                let _ = line.written.send(copy);
            }
        }
    }

    /// All of it, or nothing: half a line would spoil the next one.
    pub fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = bytes;
        while !left.is_empty() {
            match file.write(left) {
                Ok(written @ 1..) => left = left.get(written..).unwrap_or_default(),
                Ok(_) => return Err(ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => {
                    take_back(&file, bytes.len() - left.len());
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Cuts off the end of the file, not back to some place: `postern enforce --detach` may have added a line.
fn take_back(file: &File, written: usize) {
    let length = file.metadata().map(|metadata| metadata.len());
    let cut = length.and_then(|length| file.set_len(length.saturating_sub(written as u64)));
    if let (Err(error), 1..) = (cut, written) {
        tracing::error!(%error, "the records end in half a line");
    }
}

/// The same failure for everybody who waited for the batch.
fn same(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::from(error.kind()), io::Error::from_raw_os_error)
}
