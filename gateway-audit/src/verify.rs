//! Finds out whether records were changed, moved, added or taken away, and where.
//!
//! It needs nothing but the files and the public keys. The host's chain vouches for the files of sessions, signed
//! checkpoints vouch for the host's chain, and a checkpoint that was kept elsewhere vouches for its end.

mod host;
mod session;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::chain::{Chain, Hash};
use crate::checkpoint::{self, Check, Checkpoint, NoteError, PublicKey};
use crate::layout;
use crate::reader::ReadError;

/// Places where something is wrong that are told; further ones are counted.
const TOLD: usize = 100;

/// What signatures are checked with.
#[derive(Clone, Copy)]
pub struct Trust<'a> {
    pub keys: &'a [PublicKey],
    pub check: Check<'a>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    pub files: u64,
    pub records: u64,
    /// Bytes of lines.
    pub bytes: u64,
    /// Where the host's chain begins, if not at its first record.
    pub begins_at: u64,
    pub sealed: u64,
    /// Sessions that have no seal yet.
    pub open: u64,
    /// Sessions whose files were deleted in order.
    pub removed: u64,
    pub checkpoints: u64,
    /// The last state of the host's chain that is signed.
    pub signed: Option<Checkpoint>,
    /// The ids of the keys that have signed.
    pub signers: Vec<String>,
    /// Records of the host's chain after the last checkpoint.
    pub unsigned: u64,
    /// What is no proof of a change and still worth knowing.
    pub remarks: Vec<String>,
    pub breaks: Vec<Break>,
    /// Breaks that are not in the list.
    pub more_breaks: u64,
}

impl Report {
    pub fn is_whole(&self) -> bool {
        self.breaks.is_empty()
    }

    fn broken(&mut self, file: &Path, line: Option<u64>, why: Why) {
        if self.breaks.len() < TOLD {
            self.breaks.push(Break { file: file.to_owned(), line, why });
        } else {
            self.more_breaks += 1;
        }
    }
}

/// A place where records are not what they were.
#[derive(Debug)]
pub struct Break {
    pub file: PathBuf,
    /// From 1.
    pub line: Option<u64>,
    pub why: Why,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file.display(), self.why),
            None => write!(f, "{}: {}", self.file.display(), self.why),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Why {
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("it is no record: {0}")]
    NoRecord(String),
    #[error(
        "it is record {found}, and {expected} was to come: records are missing, added or in another order"
    )]
    OutOfOrder { expected: u64, found: u64 },
    #[error("the record before it is not the one that it followed")]
    NotWhatItFollowed,
    #[error("the first record does not say which file this is")]
    NoBeginning,
    #[error("it begins as the file of something else")]
    OfSomethingElse,
    #[error("it is of format {0}, which is not known here")]
    UnknownFormat(u32),
    #[error("something follows the seal")]
    AfterTheSeal,
    #[error("its seal counts {said} records, and there are {found}")]
    SealMiscounts { said: u64, found: u64 },
    #[error("it has no seal, and the host's records say that it was sealed")]
    SealMissing,
    #[error("the host's records know another end of it: {said} records, and there are {found}")]
    AnotherEnd { said: u64, found: u64 },
    #[error("the host's records know this record by another hash")]
    AnotherRecord,
    #[error("the host's records know of no such session")]
    UnknownSession,
    #[error("the file is missing")]
    FileMissing,
    #[error("the packed file is not the one that was packed")]
    AnotherPackedFile,
    #[error("it ends in the middle of a record")]
    CutOff,
    #[error("the checkpoint is worth nothing: {0}")]
    BadCheckpoint(#[from] NoteError),
    #[error("the checkpoint was signed for another state of the chain")]
    CheckpointOfAnother,
    #[error("the record of a checkpoint that was kept is not what it was")]
    CheckpointLost,
    #[error("the checkpoint knows {said} records, and there are {found}: the end was cut off")]
    TailMissing { said: u64, found: u64 },
}

impl From<ReadError> for Why {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoRecord { source, .. } => Self::NoRecord(source.to_string()),
            ReadError::Io { source, .. } => Self::Unreadable(source.to_string()),
            ReadError::TooLong { .. } => Self::NoRecord("it is longer than a record can be".into()),
        }
    }
}

/// What the host's chain says of a session.
#[derive(Debug, Default)]
struct Known {
    file: PathBuf,
    stands: Vec<Chain>,
    sealed: Option<Chain>,
    removed: bool,
}

/// What the host's chain says of all that is beside it.
#[derive(Debug, Default)]
struct Ledger {
    sessions: BTreeMap<String, Known>,
    packed: BTreeMap<PathBuf, Hash>,
}

/// Verifies a folder of records. `kept` are checkpoints that were kept elsewhere.
pub fn folder(records: &Path, trust: Trust<'_>, kept: &[String]) -> std::io::Result<Report> {
    let mut report = Report::default();
    let mut ledger = Ledger::default();
    let mut kept = open_kept(kept, trust, &mut report);
    let beside = records.join(layout::CHECKPOINT);
    if beside.exists() {
        let notes = checkpoint::notes(&std::fs::read_to_string(beside)?);
        kept.extend(open_kept(&notes, trust, &mut report));
    }
    host::verify(&layout::host_files(records)?, trust, &kept, &mut ledger, &mut report);
    session::verify_all(records, &layout::session_files(records)?, &mut ledger, &mut report);
    packed_files(records, &ledger, &mut report);
    let enforcer = records.join(layout::ENFORCER);
    if enforcer.exists() {
        walk::plain(&enforcer, &mut report);
    }
    Ok(report)
}

/// Verifies files on their own: nothing vouches for their ends but their seals.
pub fn files(files: &[PathBuf], trust: Trust<'_>, kept: &[String]) -> Report {
    let mut report = Report::default();
    let kept = open_kept(kept, trust, &mut report);
    let (host, others): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| walk::is_of_host(file));
    if !host.is_empty() || !kept.is_empty() {
        host::verify(&host, trust, &kept, &mut Ledger::default(), &mut report);
    }
    for file in others {
        session::verify_alone(&file, &mut report);
    }
    report
}

/// The checkpoints whose signatures are right.
fn open_kept(kept: &[String], trust: Trust<'_>, report: &mut Report) -> Vec<Checkpoint> {
    let mut opened = Vec::new();
    for note in kept {
        match Checkpoint::open(note, trust.keys, trust.check) {
            Ok((checkpoint, _)) => opened.push(checkpoint),
            Err(error) => report.broken(Path::new("a checkpoint that was kept"), None, error.into()),
        }
    }
    opened
}

fn packed_files(records: &Path, ledger: &Ledger, report: &mut Report) {
    for (file, sha256) in &ledger.packed {
        let path = records.join(file);
        match walk::hash_of(&path) {
            Ok(found) if found == *sha256 => (),
            Ok(_) => report.broken(&path, None, Why::AnotherPackedFile),
            // Whether it may be missing was found out before.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (),
            Err(error) => report.broken(&path, None, Why::Unreadable(error.to_string())),
        }
    }
}

impl fmt::Debug for Trust<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("keys", &self.keys).finish_non_exhaustive()
    }
}
