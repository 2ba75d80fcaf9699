//! Records of a real session, and what somebody might do to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use gateway_audit::event::Event;
use gateway_audit::layout;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::wait;
use tempfile::TempDir;

use super::talk::Talk;
use super::{folder, is_whole, plan, server, stop, verify_independently};

/// Places in each file where a bit is flipped. The unit tests flip every one.
const FLIPS: usize = 12;

/// The records of one short session, complete.
fn scene() -> Result<(Gateway, TempDir)> {
    let server = server()?;
    let mut gateway = plan(&server).start()?;
    let agent = gateway.agent("coder")?;
    let mut talk = Talk::begin(&agent, &server)?;
    for number in 0..5 {
        talk.ask(&format!("select {number}"))?;
    }
    talk.end()?;
    wait::until("the session is packed", || {
        let events = gateway.records().events()?;
        Ok(events.iter().any(|event| matches!(event, Event::Packed(_))).then_some(()))
    })?;
    stop(&mut gateway)?;
    is_whole(&gateway)?;
    let copy = tempfile::tempdir()?;
    Ok((gateway, copy))
}

/// The records once more, unpacked, so that lines can be changed.
fn unpacked(gateway: &Gateway, copy: &Path) -> Result<Vec<PathBuf>> {
    let records = copy.join("records");
    let _ = fs::remove_dir_all(&records);
    ensure!(Command::new("cp").arg("-r").arg(folder(gateway)).arg(&records).status()?.success(), "cp");
    let mut files = layout::host_files(&records)?;
    for packed in layout::session_files(&records)? {
        ensure!(Command::new("zstd").args(["-dq", "--rm"]).arg(&packed).status()?.success(), "zstd");
        files.push(layout::plain(&packed));
    }
    Ok(files)
}

/// Both verifiers find something, in this file if it is named.
fn is_found(gateway: &Gateway, records: &Path, what: &str, more: &[&str]) -> Result<()> {
    let place = records.display().to_string();
    let own = gateway.postern(&[&["sessions", "verify", &place], more].concat())?;
    let other = verify_independently(records, more)?;
    for (who, output) in [("postern", own), ("the other verifier", other)] {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.code() == Some(1) && said.contains("broken:"), "{who} misses {what}: {said}");
    }
    Ok(())
}

#[test]
fn whatever_is_changed_in_a_record_set_both_verifiers_find_it() -> Result<()> {
    let (gateway, copy) = scene()?;
    let files = unpacked(&gateway, copy.path())?;
    let records = copy.path().join("records");
    ensure!(verify_independently(&records, &[])?.status.success(), "unpacked, it is the same");
    for file in files {
        let sound = fs::read(&file)?;
        let mut changed: Vec<(String, Vec<u8>)> = Vec::new();
        for number in 0..FLIPS {
            let mut bytes = sound.clone();
            // The last bit of the last byte is among them.
            let bit = (sound.len() * 8 - 1) * number / (FLIPS - 1);
            *bytes.get_mut(bit / 8).context("a place in the file")? ^= 1 << (bit % 8);
            changed.push((format!("bit {bit}"), bytes));
        }
        let lines: Vec<&[u8]> = sound.split_inclusive(|byte| *byte == b'\n').collect();
        let middle = lines.len() / 2;
        let (mut swapped, mut without, mut twice) = (lines.clone(), lines.clone(), lines.clone());
        swapped.swap(middle, middle - 1);
        without.remove(middle);
        twice.insert(middle, lines.get(middle).context("a line")?);
        changed.extend([
            ("a swap".to_owned(), swapped.concat()),
            ("a cut".to_owned(), without.concat()),
            ("an insertion".to_owned(), twice.concat()),
        ]);
        for (what, bytes) in changed {
            fs::write(&file, bytes)?;
            is_found(&gateway, &records, &format!("{what} in {}", file.display()), &[])?;
        }
        fs::write(&file, sound)?;
    }
    Ok(())
}

#[test]
fn what_was_cut_off_at_the_end_is_missed_by_a_checkpoint_that_was_shipped() -> Result<()> {
    let (gateway, copy) = scene()?;
    let files = unpacked(&gateway, copy.path())?;
    let records = copy.path().join("records");
    let shipped = copy.path().join("shipped");
    fs::copy(records.join("host/checkpoint"), &shipped)?;
    let host = files.first().context("the host's file")?;
    let text = fs::read_to_string(host)?;
    // To the place before the session: nothing in what is left speaks of what is gone.
    let kept: String =
        text.split_inclusive('\n').take_while(|line| !line.contains("session_began")).collect();
    fs::write(host, kept)?;
    fs::remove_dir_all(records.join("sessions"))?;
    fs::remove_file(records.join("host/checkpoint"))?;
    ensure!(verify_independently(&records, &[])?.status.success(), "it fits together without the checkpoint");
    is_found(&gateway, &records, "the cut", &["--checkpoint", &shipped.display().to_string()])
}

#[test]
fn each_byte_of_a_packed_file_counts() -> Result<()> {
    let (gateway, copy) = scene()?;
    let records = copy.path().join("records");
    ensure!(Command::new("cp").arg("-r").arg(folder(&gateway)).arg(&records).status()?.success(), "cp");
    let file = layout::session_files(&records)?.pop().context("a session")?;
    let sound = fs::read(&file)?;
    for at in [4, 5, 6, sound.len() / 2, sound.len() - 1] {
        let mut bytes = sound.clone();
        *bytes.get_mut(at).context("a byte")? ^= 1;
        fs::write(&file, bytes)?;
        is_found(&gateway, &records, &format!("byte {at}"), &[])?;
    }
    Ok(())
}
