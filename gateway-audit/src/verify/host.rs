//! The host's chain, which goes through several files, and what it says of the files of sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::walk::{self, Step};
use super::{Known, Ledger, Report, Trust, Why};
use crate::canonical;
use crate::chain::{Chain, Record};
use crate::checkpoint::Checkpoint;
use crate::event::Event;
use crate::file::FileOf;
use crate::reader::Tail;

/// The events that say something about files.
const TELLING: [&str; 6] =
    ["checkpoint", "packed", "session_began", "session_removed", "session_sealed", "sessions_stand"];

pub(super) fn verify(
    files: &[PathBuf],
    trust: Trust<'_>,
    kept: &[Checkpoint],
    ledger: &mut Ledger,
    report: &mut Report,
) {
    let mut awaited: BTreeMap<u64, Vec<&Checkpoint>> = BTreeMap::new();
    for checkpoint in kept {
        awaited.entry(checkpoint.records).or_default().push(checkpoint);
    }
    // Each stands in the chain itself, right behind what it is about.
    let mut own: BTreeSet<u64> = kept.iter().map(|checkpoint| checkpoint.records + 1).collect();
    let mut chain = Chain::EMPTY;
    for (number, file) in files.iter().enumerate() {
        if number == 0 {
            chain = walk::start_of(file).unwrap_or(Chain::EMPTY);
            report.begins_at = chain.records;
        }
        let begins = chain.records;
        let tail = walk::along(file, &mut chain, report, |step, report| {
            if step.chain.records == begins + 1 {
                let began = walk::beginning(step)?;
                if began.of != FileOf::Host {
                    return Err(Why::OfSomethingElse);
                }
            }
            if TELLING.contains(&step.event) {
                hear(step, trust, ledger, report)?;
            }
            if own.remove(&step.chain.records) && step.event != "checkpoint" {
                return Err(Why::CheckpointLost);
            }
            for checkpoint in awaited.remove(&step.chain.records).unwrap_or_default() {
                if checkpoint.hash != step.chain.hash {
                    return Err(Why::CheckpointOfAnother);
                }
            }
            Ok(())
        });
        match tail {
            // What follows a broken file cannot be told apart from what was added.
            None => return,
            Some(Tail::Whole) => (),
            Some(Tail::HalfALine(_)) if number + 1 == files.len() => {
                report.remarks.push(format!("{} ends in the middle of a record", file.display()));
            }
            Some(Tail::HalfALine(_) | Tail::HalfAFrame) => report.broken(file, None, Why::CutOff),
        }
    }
    report.unsigned =
        chain.records - report.signed.as_ref().map_or(report.begins_at, |signed| signed.records + 1);
    let last = files.last().map_or(Path::new("host"), PathBuf::as_path);
    for said in own.into_iter().filter(|said| *said > chain.records) {
        report.broken(last, None, Why::TailMissing { said, found: chain.records });
    }
}

fn hear(step: &Step<'_>, trust: Trust<'_>, ledger: &mut Ledger, report: &mut Report) -> Result<(), Why> {
    let record = step.record()?;
    match &record.event {
        Event::Checkpoint(_) => checkpoint(step, &record, trust, report)?,
        Event::Packed(packed) => {
            ledger.packed.insert(packed.file.clone().into(), packed.sha256);
        }
        Event::SessionBegan(began) => {
            let known = Known { file: began.file.clone().into(), ..Known::default() };
            ledger.sessions.insert(began.session.clone(), known);
        }
        Event::SessionSealed(sealed) => {
            let known = ledger.sessions.entry(sealed.session.clone()).or_default();
            known.file = sealed.file.clone().into();
            known.sealed = Some(sealed.chain);
        }
        Event::SessionRemoved(removed) => {
            let known = ledger.sessions.entry(removed.session.clone()).or_default();
            known.removed = true;
            report.removed += 1;
        }
        Event::SessionsStand(stand) => {
            for session in &stand.sessions {
                let known = ledger.sessions.entry(session.session.clone()).or_default();
                known.stands.push(session.chain);
            }
        }
        _ => return Err(Why::NoRecord("it is not what it says that it is".into())),
    }
    Ok(())
}

/// Everything in the record of a checkpoint follows from what is signed, so that not even its time can be changed.
fn checkpoint(step: &Step<'_>, record: &Record, trust: Trust<'_>, report: &mut Report) -> Result<(), Why> {
    let Event::Checkpoint(state) = &record.event else { return Ok(()) };
    let (checkpoint, key) = Checkpoint::open(&state.note, trust.keys, trust.check)?;
    let told = (checkpoint.records, checkpoint.hash, checkpoint.at.as_str());
    let exact = canonical::bytes(record).is_ok_and(|bytes| bytes == step.bytes);
    if told != (record.seq, record.prev, record.at.as_str()) || !exact {
        return Err(Why::CheckpointOfAnother);
    }
    let signer = key.id_text();
    if !report.signers.contains(&signer) {
        report.signers.push(signer);
    }
    report.checkpoints += 1;
    report.signed = Some(checkpoint);
    Ok(())
}
