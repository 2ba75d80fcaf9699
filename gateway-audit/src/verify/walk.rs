//! Along one file: each line a record, each record the successor of the one before.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Report, Why};
use crate::chain::{Chain, FORMAT, Hash, Record};
use crate::event::Event;
use crate::file::{FileBegan, FileOf};
use crate::reader::{Lines, Records, Tail};

/// What has to be known of every record. The rest is only read of those that say something about files.
#[derive(Deserialize)]
struct Link<'a> {
    seq: u64,
    prev: Hash,
    #[serde(borrow)]
    event: &'a str,
}

/// One record that was found in its place.
pub(super) struct Step<'a> {
    pub bytes: &'a [u8],
    pub event: &'a str,
    /// Up to this record, and with it.
    pub chain: Chain,
}

impl Step<'_> {
    /// All that the record says.
    pub(super) fn record(&self) -> Result<Record, Why> {
        serde_json::from_slice(self.bytes).map_err(|error| Why::NoRecord(error.to_string()))
    }
}

/// Goes along a file, and stops where it is broken. Returns how it ends; `None` if it is broken.
pub(super) fn along(
    file: &Path,
    chain: &mut Chain,
    report: &mut Report,
    mut each: impl FnMut(&Step<'_>, &mut Report) -> Result<(), Why>,
) -> Option<Tail> {
    report.files += 1;
    let mut lines = match Lines::open(file) {
        Ok(lines) => lines,
        Err(error) => {
            report.broken(file, None, error.into());
            return None;
        }
    };
    let mut number = 0;
    loop {
        let outcome = match lines.read() {
            // Records are written together with their ends.
            Ok(None) => {
                if !lacks_only_its_end(lines.rest(), chain) {
                    return Some(lines.tail());
                }
                number += 1;
                Err(Why::CutOff)
            }
            Ok(Some((line, bytes))) => {
                number = line;
                step(bytes, chain).and_then(|step| {
                    report.records += 1;
                    report.bytes += bytes.len() as u64 + 1;
                    each(&step, report)
                })
            }
            Err(error) => {
                number += 1;
                Err(error.into())
            }
        };
        if let Err(why) = outcome {
            report.broken(file, Some(number), why);
            return None;
        }
    }
}

fn lacks_only_its_end(rest: &[u8], chain: &Chain) -> bool {
    chain.leads_to(rest) || rest.split_last().is_some_and(|(_, rest)| chain.leads_to(rest))
}

fn step<'a>(bytes: &'a [u8], chain: &mut Chain) -> Result<Step<'a>, Why> {
    let link: Link<'a> = serde_json::from_slice(bytes).map_err(|error| Why::NoRecord(error.to_string()))?;
    if link.seq != chain.records {
        return Err(Why::OutOfOrder { expected: chain.records, found: link.seq });
    }
    if link.prev != chain.hash {
        return Err(Why::NotWhatItFollowed);
    }
    chain.pass(bytes);
    Ok(Step { bytes, event: link.event, chain: *chain })
}

/// What the first record says of the file.
pub(super) fn beginning(step: &Step<'_>) -> Result<FileBegan, Why> {
    match step.record()?.event {
        Event::FileBegan(began) if began.format == FORMAT => Ok(began),
        Event::FileBegan(began) => Err(Why::UnknownFormat(began.format)),
        _ => Err(Why::NoBeginning),
    }
}

/// Where the chain has to stand for this file to follow.
pub(super) fn start_of(file: &Path) -> Option<Chain> {
    let first = Records::open(file).ok()?.next()?.ok()?;
    Some(Chain { records: first.seq, hash: first.prev })
}

pub(super) fn is_of_host(file: &Path) -> bool {
    let first = Records::open(file).ok().and_then(|mut records| records.next()?.ok());
    matches!(first.map(|record| record.event), Some(Event::FileBegan(FileBegan { of: FileOf::Host, .. })))
}

/// A chain that nothing else vouches for.
pub(super) fn plain(file: &Path, report: &mut Report) {
    if let Some(Tail::HalfALine(_) | Tail::HalfAFrame) =
        along(file, &mut Chain::EMPTY.clone(), report, |_, _| Ok(()))
    {
        report.broken(file, None, Why::CutOff);
    }
}

pub(super) fn hash_of(file: &Path) -> io::Result<Hash> {
    let mut opened = File::open(file)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match opened.read(&mut buffer)? {
            0 => return Ok(Hash(hash.finalize().into())),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}
