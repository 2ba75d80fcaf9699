//! Records of a small host, and what is done to them.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::chain::FORMAT;
use crate::event::{Ending, Event};
use crate::file::{
    FileBegan, FileOf, SessionBegan, SessionSealed, SessionStands, SessionsStand, SignedState,
};

const SESSION: &str = "0123456789abcdef";

/// Ed25519 is not known here: this takes a hash over key and message for a signature.
fn sign(key: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let Hash(half) = Hash::of(&[key, message].concat());
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&half);
    signature[32..].copy_from_slice(&half);
    signature
}

fn check(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    signature == sign(key, message)
}

fn key() -> PublicKey {
    PublicKey { name: "postern".into(), key: [7; 32] }
}

struct Scribe {
    chain: Chain,
    lines: Vec<u8>,
}

impl Scribe {
    fn begin(of: FileOf) -> Self {
        let mut scribe = Self { chain: Chain::EMPTY, lines: Vec::new() };
        let (host, version, key) = ("host".into(), "1".into(), key().id_text());
        scribe.add(&Event::FileBegan(FileBegan { format: FORMAT, host, version, of, key }));
        scribe
    }

    fn add(&mut self, event: &Event) {
        self.chain.add("2026-01-01T00:00:00Z", event, &mut self.lines).expect("canonical");
    }

    fn sign(&mut self) -> String {
        let Chain { records, hash } = self.chain;
        let at = "2026-01-01T00:00:00Z".to_owned();
        let checkpoint = Checkpoint { origin: "postern/host".into(), records, hash, at };
        let note = checkpoint.note(&key(), &sign(&key().key, checkpoint.text().as_bytes()));
        self.add(&Event::Checkpoint(SignedState { note: note.clone() }));
        note
    }
}

/// A host with one session, and the last checkpoint.
fn records() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = layout::session_file("2026-01-01", SESSION);
    let shown = file.display().to_string();
    let mut host = Scribe::begin(FileOf::Host);
    let (connection, agent, target) = (1, "coder".to_owned(), "orders".to_owned());
    host.add(&Event::SessionBegan(SessionBegan {
        session: SESSION.into(),
        connection,
        agent,
        target,
        file: shown.clone(),
    }));
    let mut session = Scribe::begin(FileOf::Session(SESSION.into()));
    session.add(&Event::Started { version: "a statement".into() });
    let stands = SessionStands { session: SESSION.into(), chain: session.chain };
    host.add(&Event::SessionsStand(SessionsStand { sessions: vec![stands] }));
    host.sign();
    session.add(&Event::Started { version: "another".into() });
    let records = session.chain.records + 1;
    session.add(&Event::Sealed { records, ending: Ending::Finished });
    let sealed = SessionSealed { session: SESSION.into(), file: shown, chain: session.chain };
    host.add(&Event::SessionSealed(sealed));
    let note = host.sign();
    let put = |name: &Path, lines: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, lines).expect("written");
    };
    put(&layout::host_file(0), &host.lines);
    put(&file, &session.lines);
    put(Path::new(layout::CHECKPOINT), note.as_bytes());
    (folder, note)
}

fn verify(records: &Path, kept: &[String]) -> Report {
    let keys = [key()];
    folder(records, Trust { keys: &keys, check: &check }, kept).expect("files")
}

fn whole(records: &Path) -> bool {
    verify(records, &[]).is_whole()
}

fn files(folder: &Path) -> [PathBuf; 2] {
    [layout::host_file(0), layout::session_file("2026-01-01", SESSION)].map(|file| folder.join(file))
}

#[test]
fn records_that_are_what_they_were_are_whole() {
    let (folder, note) = records();
    let report = verify(folder.path(), &[note]);
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!((report.files, report.records, report.sealed, report.checkpoints), (2, 10, 1, 2));
    assert_eq!((report.unsigned, report.signers), (0, vec![key().id_text()]));
}

#[test]
fn each_flip_of_a_bit_is_found() {
    let (folder, _note) = records();
    for file in files(folder.path()) {
        let sound = fs::read(&file).expect("read");
        // In every byte, and in every place of a byte.
        for at in (0..sound.len() * 8).step_by(7).chain([sound.len() * 8 - 1]) {
            let mut flipped = sound.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            fs::write(&file, flipped).expect("written");
            let report = verify(folder.path(), &[]);
            assert!(!report.is_whole(), "bit {at} of {}", file.display());
        }
        fs::write(&file, sound).expect("written");
    }
    assert!(whole(folder.path()));
}

#[test]
fn each_swap_cut_and_insertion_of_lines_is_found_where_it_is() {
    let (folder, note) = records();
    for file in files(folder.path()) {
        let sound = fs::read_to_string(&file).expect("read");
        let lines: Vec<&str> = sound.split_inclusive('\n').collect();
        let mut changed: Vec<(usize, Vec<&str>)> = Vec::new();
        for at in 0..lines.len() {
            let mut without = lines.clone();
            without.remove(at);
            changed.push((at, without));
            let mut twice = lines.clone();
            twice.insert(at, lines[at]);
            changed.push((at + 1, twice));
            if at + 1 < lines.len() {
                let mut swapped = lines.clone();
                swapped.swap(at, at + 1);
                changed.push((at, swapped));
            }
        }
        for (at, lines) in changed {
            fs::write(&file, lines.concat()).expect("written");
            let report = verify(folder.path(), std::slice::from_ref(&note));
            let found = report.breaks.first().unwrap_or_else(|| panic!("change {at} of {}", file.display()));
            assert!(found.line.is_none_or(|line| line == at as u64 + 1), "{at}: {found}");
        }
        fs::write(&file, sound).expect("written");
    }
}

#[test]
fn an_end_that_was_cut_off_is_missed_by_a_checkpoint_that_was_kept() {
    let (folder, note) = records();
    let [host, _] = files(folder.path());
    let sound = fs::read_to_string(&host).expect("read");
    // Up to the first checkpoint everything fits together.
    let cut: String = sound.split_inclusive('\n').take(4).collect();
    fs::write(&host, cut).expect("written");
    assert!(!whole(folder.path()), "the last state is beside the files");
    fs::remove_file(folder.path().join(layout::CHECKPOINT)).expect("removed");
    assert!(whole(folder.path()));
    let report = verify(folder.path(), &[note]);
    assert!(
        matches!(report.breaks[..], [Break { why: Why::TailMissing { said: 6, found: 4 }, .. }]),
        "{report:#?}"
    );
}

#[test]
fn the_end_of_a_session_that_was_cut_off_is_missed_by_the_host() {
    let (folder, _note) = records();
    let [_, session] = files(folder.path());
    let sound = fs::read_to_string(&session).expect("read");
    for lines in 0..4 {
        fs::write(&session, sound.split_inclusive('\n').take(lines).collect::<String>()).expect("written");
        assert!(!whole(folder.path()), "{lines}");
    }
}

#[test]
fn a_session_that_is_gone_or_was_added_is_found() {
    let (folder, _note) = records();
    let [_, session] = files(folder.path());
    let elsewhere = session.with_file_name("fedcba9876543210.jsonl");
    fs::copy(&session, &elsewhere).expect("copied");
    let report = verify(folder.path(), &[]);
    assert!(matches!(report.breaks[..], [Break { why: Why::UnknownSession, .. }]), "{report:#?}");
    fs::remove_file(&session).expect("removed");
    fs::remove_file(elsewhere).expect("removed");
    let report = verify(folder.path(), &[]);
    assert!(matches!(report.breaks[..], [Break { why: Why::FileMissing, .. }]), "{report:#?}");
}

#[test]
fn a_chain_that_was_signed_with_another_key_is_worth_nothing() {
    let (folder, _note) = records();
    let keys = [PublicKey { name: "postern".into(), key: [8; 32] }];
    let report = super::folder(folder.path(), Trust { keys: &keys, check: &check }, &[]).expect("files");
    assert!(
        matches!(report.breaks.last(), Some(Break { line: Some(4), why: Why::BadCheckpoint(_), .. })),
        "{report:#?}"
    );
}
