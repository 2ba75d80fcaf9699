//! The thread that appends lines to the record file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

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

#[derive(Debug)]
pub struct Writer {
    file: File,
    /// Where the last whole line ends.
    end: u64,
}

impl Writer {
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let failed = |source| RecordError::Open { path: path.display().to_string(), source };
        let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path).map_err(failed)?;
        let end = file.metadata().map_err(failed)?.len();
        Ok(Self { file, end })
    }

    pub fn run(mut self, mut lines: mpsc::Receiver<Line>) {
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

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.end += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would spoil the next one.
                let _ = self.file.set_len(self.end);
                Err(error)
            }
        }
    }
}

/// The same failure for everybody who waited for the batch.
fn same(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::from(error.kind()), io::Error::from_raw_os_error)
}
