//! Goes through all logs of a folder of records, from wherever somebody stopped, for as long as they grow.
//!
//! The host's log says which sessions there are and when each is complete, so nothing has to be searched for. Each log is
//! read in its order; between logs there is none. The cursor is small and can be written down: whoever keeps it comes back
//! to the same place after any restart.

mod cursor;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use gateway_audit::chain::Record;
use gateway_audit::event::Event;
use gateway_audit::layout;

pub use cursor::{Cursor, Open, Place};

use super::logs::{ENFORCER, HOST};

/// Read at once from a file, beyond which only the line that was begun is finished.
const CHUNK: usize = 1 << 20;
/// A packed file is unpacked from its beginning each time, so it is read in larger pieces.
const PACKED_CHUNK: usize = 16 << 20;
/// Open sessions, beyond which the host's log waits until they have nothing to tell.
const CROWD: usize = 256;
/// Longer lines are no records of ours.
const LONGEST: u64 = 256 << 20;

/// One line of a log.
#[derive(Debug, Clone)]
pub struct Entry {
    pub log: String,
    /// Its number in that log.
    pub seq: u64,
    /// `None` if it cannot be read here; the line is passed on all the same.
    pub record: Option<Record>,
    pub line: String,
}

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error("cannot read {file}", file = file.display())]
    Read { file: PathBuf, source: io::Error },
}

/// Something that could not be read because it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    pub log: String,
    /// The first record that is missing.
    pub from: u64,
}

#[derive(Debug)]
pub struct Follower {
    records: PathBuf,
    cursor: Cursor,
    missed: Vec<Missed>,
}

/// What is in a file from some place on.
struct Chunk {
    lines: Vec<String>,
    /// Where the last of the lines ends.
    end: u64,
}

impl Follower {
    pub fn new(records: &Path, cursor: Cursor) -> Self {
        Self { records: records.to_owned(), cursor, missed: Vec::new() }
    }

    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// What turned out to be gone since this was asked last.
    pub fn missed(&mut self) -> Vec<Missed> {
        std::mem::take(&mut self.missed)
    }

    /// The next lines, about as many as asked for. None means that all was read for now.
    pub fn next(&mut self, most: usize) -> Result<Vec<Entry>, FollowError> {
        let mut entries = Vec::new();
        // Sessions are read to their ends before more of them are heard of, so that the cursor stays small.
        if self.cursor.open.len() < CROWD {
            self.read_host(most, &mut entries)?;
        }
        self.read_enforcer(most, &mut entries)?;
        self.read_sessions(most, &mut entries)?;
        if entries.is_empty() {
            self.read_host(most, &mut entries)?;
        }
        Ok(entries)
    }

    fn read_sessions(&mut self, most: usize, entries: &mut Vec<Entry>) -> Result<(), FollowError> {
        let sessions: Vec<String> = self.cursor.open.keys().cloned().collect();
        for session in sessions {
            if entries.len() >= most {
                break;
            }
            self.read_session(&session, most, entries)?;
        }
        Ok(())
    }

    fn read_host(&mut self, most: usize, entries: &mut Vec<Entry>) -> Result<(), FollowError> {
        while entries.len() < most {
            let Some(file) = self.host_file()? else { return Ok(()) };
            let before = self.cursor.host.clone();
            match self.read(&file, before.offset)? {
                Some(chunk) if !chunk.lines.is_empty() => {
                    let (lines, offset) = cut(chunk, before.offset, most.saturating_sub(entries.len()));
                    for line in lines {
                        let entry = entry(HOST, self.cursor.host.seq, line);
                        self.cursor.host.seq += 1;
                        self.note(&entry);
                        entries.push(entry);
                    }
                    self.cursor.host.offset = offset;
                }
                _ => match self.host_file_after(&file)? {
                    // It may have grown after it was looked at, and before the next one began.
                    Some(_) if self.has_more(&file, before.offset)? => (),
                    Some((file, seq)) => self.cursor.host = Place { file, offset: 0, seq },
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    fn has_more(&self, file: &Path, offset: u64) -> Result<bool, FollowError> {
        Ok(self.read(file, offset)?.is_some_and(|chunk| !chunk.lines.is_empty()))
    }

    /// The file that the host's log is read from, or the oldest there is if that one is gone.
    fn host_file(&mut self) -> Result<Option<PathBuf>, FollowError> {
        let place = &self.cursor.host;
        if !place.file.as_os_str().is_empty() && self.exists(&place.file) {
            return Ok(Some(place.file.clone()));
        }
        let files = self.host_files()?;
        let next = files.iter().find(|(_, first)| *first >= place.seq).or_else(|| files.first());
        let Some((file, first)) = next.cloned() else { return Ok(None) };
        if first > place.seq && !place.file.as_os_str().is_empty() {
            self.missed.push(Missed { log: HOST.to_owned(), from: place.seq });
        }
        self.cursor.host = Place { file: file.clone(), offset: 0, seq: first };
        Ok(Some(file))
    }

    fn host_file_after(&self, file: &Path) -> Result<Option<(PathBuf, u64)>, FollowError> {
        let files = self.host_files()?;
        Ok(files.into_iter().find(|(other, _)| other.as_path() > file))
    }

    /// By the names that they have while they are written, each with the number of its first record.
    fn host_files(&self) -> Result<Vec<(PathBuf, u64)>, FollowError> {
        let files = layout::host_files(&self.records)
            .map_err(|source| FollowError::Read { file: self.records.join(layout::HOST), source })?;
        let named = files.iter().filter_map(|file| {
            let plain = layout::plain(file);
            let first = plain.file_stem()?.to_str()?.parse().ok()?;
            Some((plain.strip_prefix(&self.records).ok()?.to_owned(), first))
        });
        Ok(named.collect())
    }

    fn read_enforcer(&mut self, most: usize, entries: &mut Vec<Entry>) -> Result<(), FollowError> {
        let place = self.cursor.enforcer.clone();
        let Some(chunk) = self.read(Path::new(layout::ENFORCER), place.offset)? else { return Ok(()) };
        let (lines, offset) = cut(chunk, place.offset, most);
        for line in lines {
            let entry = entry(ENFORCER, self.cursor.enforcer.seq, line);
            self.cursor.enforcer.seq += 1;
            entries.push(entry);
        }
        self.cursor.enforcer.offset = offset;
        Ok(())
    }

    fn read_session(
        &mut self,
        session: &str,
        most: usize,
        entries: &mut Vec<Entry>,
    ) -> Result<(), FollowError> {
        while entries.len() < most {
            let Some(open) = self.cursor.open.get(session).cloned() else { return Ok(()) };
            let chunk = match self.read(&open.place.file, open.place.offset)? {
                Some(chunk) => chunk,
                // A session is announced before its file is made; one that is complete and has none was deleted.
                None if open.sealed.is_none() => return Ok(()),
                None => {
                    self.missed.push(Missed { log: session.to_owned(), from: open.place.seq });
                    self.cursor.open.remove(session);
                    return Ok(());
                }
            };
            let nothing = chunk.lines.is_empty();
            let (lines, offset) = cut(chunk, open.place.offset, most.saturating_sub(entries.len()));
            let mut seq = open.place.seq;
            for line in lines {
                let entry = entry(session, seq, line);
                seq += 1;
                entries.push(entry);
            }
            if open.sealed.is_some_and(|records| seq >= records) {
                self.cursor.open.remove(session);
                return Ok(());
            }
            if let Some(open) = self.cursor.open.get_mut(session) {
                open.place = Place { offset, seq, ..open.place.clone() };
            }
            if nothing {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What the host's log says of sessions.
    fn note(&mut self, entry: &Entry) {
        match entry.record.as_ref().map(|record| &record.event) {
            Some(Event::SessionBegan(began)) => {
                let place = Place { file: PathBuf::from(&began.file), offset: 0, seq: 0 };
                self.cursor.open.insert(began.session.clone(), Open { place, sealed: None });
            }
            Some(Event::SessionSealed(sealed)) => {
                if let Some(open) = self.cursor.open.get_mut(&sealed.session) {
                    open.sealed = Some(sealed.chain.records);
                }
            }
            _ => (),
        }
    }

    fn exists(&self, file: &Path) -> bool {
        let plain = self.records.join(file);
        plain.exists() || layout::packed(&plain).exists()
    }

    /// Whole lines of a file from there on, whether it is packed by now or not. `None` if there is no such file.
    fn read(&self, file: &Path, offset: u64) -> Result<Option<Chunk>, FollowError> {
        let plain = self.records.join(file);
        let failed = |source| FollowError::Read { file: plain.clone(), source };
        match File::open(&plain) {
            Ok(mut opened) => {
                if opened.metadata().map_err(failed)?.len() <= offset {
                    return Ok(Some(Chunk { lines: Vec::new(), end: offset }));
                }
                opened.seek(SeekFrom::Start(offset)).map_err(failed)?;
                whole_lines(BufReader::new(opened), offset, CHUNK).map(Some).map_err(failed)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match File::open(layout::packed(&plain))
            {
                Ok(opened) => unpacked_lines(opened, offset).map(Some).map_err(failed),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(failed(error)),
            },
            Err(error) => Err(failed(error)),
        }
    }
}

/// As many of the lines as are wanted, and where the last of them ends.
fn cut(chunk: Chunk, from: u64, most: usize) -> (Vec<String>, u64) {
    if chunk.lines.len() <= most {
        return (chunk.lines, chunk.end);
    }
    let lines: Vec<String> = chunk.lines.into_iter().take(most).collect();
    let bytes: u64 = lines.iter().map(|line| line.len() as u64 + 1).sum();
    (lines, from + bytes)
}

fn entry(log: &str, expected: u64, line: String) -> Entry {
    let record: Option<Record> = serde_json::from_str(&line).ok();
    let seq = record.as_ref().map_or(expected, |record| record.seq);
    Entry { log: log.to_owned(), seq, record, line }
}

fn unpacked_lines(file: File, offset: u64) -> io::Result<Chunk> {
    let mut decoder = zstd::Decoder::new(file)?;
    decoder.window_log_max(27)?;
    let skipped = io::copy(&mut (&mut decoder).take(offset), &mut io::sink())?;
    whole_lines(BufReader::new(decoder), skipped, PACKED_CHUNK)
}

/// A line that does not end yet is left for the next time.
fn whole_lines(mut input: impl BufRead, offset: u64, about: usize) -> io::Result<Chunk> {
    let (mut lines, mut read) = (Vec::new(), 0_usize);
    while read < about {
        let mut line = Vec::new();
        let length = (&mut input).take(LONGEST).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            break;
        }
        read += length;
        // Canonical JSON is UTF-8; anything else is passed on as what it cannot be mistaken for.
        lines.push(String::from_utf8_lossy(&line).into_owned());
    }
    Ok(Chunk { lines, end: offset + read as u64 })
}
