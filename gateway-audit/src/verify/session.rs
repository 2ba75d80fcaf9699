//! The files of sessions: each a chain of its own with a seal at its end, and what the host's chain says of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::walk::{self, Step};
use super::{Known, Ledger, Report, Why};
use crate::chain::{Chain, Hash};
use crate::event::Event;
use crate::file::FileOf;
use crate::layout;
use crate::reader::Tail;

pub(super) fn verify_all(records: &Path, files: &[PathBuf], ledger: &mut Ledger, report: &mut Report) {
    for file in files {
        let session = name_of(file);
        match ledger.sessions.remove(&session) {
            Some(known) => one(file, &known, report),
            // The part of the host's chain that knows of it may have been removed in order.
            None if report.begins_at > 0 => verify_alone(file, report),
            None => report.broken(file, None, Why::UnknownSession),
        }
    }
    for known in ledger.sessions.values() {
        let never_was = known.sealed.is_some_and(|sealed| sealed.records == 0);
        if !known.removed && !never_was {
            report.broken(&records.join(&known.file), None, Why::FileMissing);
        }
    }
}

pub(super) fn verify_alone(file: &Path, report: &mut Report) {
    one(file, &Known::default(), report);
}

/// `ID` of `…/ID.jsonl.zst`.
fn name_of(file: &Path) -> String {
    layout::plain(file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn one(file: &Path, known: &Known, report: &mut Report) {
    let mut awaited: BTreeMap<u64, Hash> =
        known.stands.iter().chain(&known.sealed).map(|stand| (stand.records, stand.hash)).collect();
    let mut sealed = Seal::None;
    let mut chain = Chain::EMPTY;
    let tail = walk::along(file, &mut chain, report, |step, _| {
        if sealed == Seal::Last {
            return Err(Why::AfterTheSeal);
        }
        if step.chain.records == 1 && walk::beginning(step)?.of != FileOf::Session(name_of(file)) {
            return Err(Why::OfSomethingElse);
        }
        if step.event == "sealed" {
            seal(step)?;
            sealed = Seal::Last;
        }
        match awaited.remove(&step.chain.records) {
            Some(hash) if hash != step.chain.hash => Err(Why::AnotherRecord),
            _ => Ok(()),
        }
    });
    let Some(tail) = tail else { return };
    match sealed {
        Seal::Last => report.sealed += 1,
        Seal::None if known.sealed.is_some() => report.broken(file, None, Why::SealMissing),
        Seal::None => report.open += 1,
    }
    // The host's chain knows records that are not there.
    if let Some((said, _)) = awaited.pop_last() {
        report.broken(file, None, Why::AnotherEnd { said, found: chain.records });
    }
    match tail {
        Tail::Whole => (),
        Tail::HalfALine(_) if sealed == Seal::None => {
            report.remarks.push(format!("{} ends in the middle of a record", file.display()));
        }
        Tail::HalfALine(_) | Tail::HalfAFrame => report.broken(file, None, Why::CutOff),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seal {
    None,
    Last,
}

fn seal(step: &Step<'_>) -> Result<(), Why> {
    match step.record()?.event {
        Event::Sealed { records, .. } if records == step.chain.records => Ok(()),
        Event::Sealed { records, .. } => Err(Why::SealMiscounts { said: records, found: step.chain.records }),
        _ => Err(Why::NoRecord("it is not what it says that it is".into())),
    }
}
