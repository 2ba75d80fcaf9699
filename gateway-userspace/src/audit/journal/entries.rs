//! What stands in a journal: entries of one generation, one after the other, each with a hash over itself. Whatever
//! follows the last whole one is left over from before.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use gateway_audit::chain::Hash;

/// What an entry takes beside its name and lines, at most: three words, a hash, and spaces.
pub const HEAD: usize = 160;
const WORD: &str = "entry";

/// Lines that belong to the end of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub generation: u64,
    /// Below the folder of records.
    pub name: PathBuf,
    pub lines: Vec<u8>,
}

pub fn append(out: &mut Vec<u8>, generation: u64, name: &Path, lines: [&[u8]; 2]) {
    let length: usize = lines.iter().map(|part| part.len()).sum();
    let body = [name.as_os_str().as_bytes(), b"\n", lines[0], lines[1]].concat();
    let head = format!("{WORD} {generation} {length} {} ", Hash::of(&seal(generation, &body)));
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(&body);
}

fn seal(generation: u64, body: &[u8]) -> Vec<u8> {
    [format!("{generation} ").as_bytes(), body].concat()
}

/// The entries of one side. A side that is not there has none.
pub fn read(side: &Path) -> io::Result<Vec<Entry>> {
    let bytes = match std::fs::read(side) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        bytes => bytes?,
    };
    let mut rest = bytes.as_slice();
    let mut entries: Vec<Entry> = Vec::new();
    while let Some((entry, further)) = parse(rest) {
        if entries.first().is_some_and(|first| first.generation != entry.generation) {
            break;
        }
        entries.push(entry);
        rest = further;
    }
    Ok(entries)
}

fn parse(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, lines) = bytes.split_at_checked(end + 1)?;
    let mut words = std::str::from_utf8(head).ok()?.trim_end_matches('\n').splitn(5, ' ');
    let word = words.next()?;
    let generation: u64 = words.next()?.parse().ok()?;
    let length: usize = words.next()?.parse().ok()?;
    let hash: Hash = words.next()?.parse().ok()?;
    let name = words.next()?;
    let (lines, further) = lines.split_at_checked(length)?;
    let body = [name.as_bytes(), b"\n", lines].concat();
    let sound = word == WORD && Hash::of(&seal(generation, &body)) == hash && stays_inside(Path::new(name));
    let entry = Entry { generation, name: PathBuf::from(name), lines: lines.to_vec() };
    sound.then_some((entry, further))
}

fn stays_inside(name: &Path) -> bool {
    name.components().all(|component| matches!(component, Component::Normal(_)))
}
