//! Reads files of records, packed or not, one line after the other, and never more of one than is bearable.
//!
//! A file that is being written, or was when the power went, may end in half a line. That is told and is no error.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::chain::Record;
use crate::layout;

/// The longest line that is read. A record is far shorter: messages of agents are bounded.
pub const LONGEST: usize = 256 << 20;
/// Larger windows are not unpacked; ours are far smaller.
const WINDOW_LOG: u32 = 27;
const BUFFER: usize = 128 << 10;

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot read {file}", file = file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("{file}, line {line}: it is longer than a record can be", file = file.display())]
    TooLong { file: PathBuf, line: u64 },
    #[error("{file}, line {line}: it is no record", file = file.display())]
    NoRecord { file: PathBuf, line: u64, source: serde_json::Error },
}

/// The lines of one file.
pub struct Lines {
    file: PathBuf,
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: u64,
    tail: Tail,
}

/// How a file ends, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// With the end of a line.
    Whole,
    /// In the middle of a line, of which there are so many bytes.
    HalfALine(u64),
    /// In the middle of what was packed.
    HalfAFrame,
}

impl Lines {
    pub fn open(file: &Path) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { file: file.to_owned(), source };
        let (file, opened) = open(file).map_err(failed)?;
        let file = file.as_path();
        let input: Box<dyn BufRead + Send> = if file.extension().is_some_and(|extension| extension == "zst") {
            let mut decoder = zstd::Decoder::new(opened).map_err(failed)?;
            decoder.window_log_max(WINDOW_LOG).map_err(failed)?;
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        } else {
            Box::new(BufReader::with_capacity(BUFFER, opened))
        };
        Ok(Self { file: file.to_owned(), input, line: Vec::new(), number: 0, tail: Tail::Whole })
    }

    /// The next whole line, without its end, and its number from 1.
    pub fn read(&mut self) -> Result<Option<(u64, &[u8])>, ReadError> {
        self.line.clear();
        loop {
            let chunk = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.tail = Tail::HalfAFrame;
                    return Ok(None);
                }
                Err(source) => return Err(ReadError::Io { file: self.file.clone(), source }),
                Ok(chunk) => chunk,
            };
            if chunk.is_empty() {
                if !self.line.is_empty() {
                    self.tail = Tail::HalfALine(self.line.len() as u64);
                }
                return Ok(None);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            if self.line.len() + taken.len() > LONGEST {
                return Err(ReadError::TooLong { file: self.file.clone(), line: self.number + 1 });
            }
            self.line.extend_from_slice(taken);
            let used = taken.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                self.number += 1;
                return Ok(Some((self.number, &self.line)));
            }
        }
    }

    /// How the file ends; to be asked when there is no further line.
    pub fn tail(&self) -> Tail {
        self.tail
    }

    /// What follows the last whole line; to be asked when there is no further line.
    pub fn rest(&self) -> &[u8] {
        &self.line
    }

    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("file", &self.file)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Opens a file, or what it has become since somebody saw it.
fn open(file: &Path) -> io::Result<(PathBuf, File)> {
    match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let packed = layout::packed(file);
            File::open(&packed).map(|opened| (packed, opened)).map_err(|_| error)
        }
        opened => Ok((file.to_owned(), opened?)),
    }
}

/// The records of one file. Nothing is verified.
#[derive(Debug)]
pub struct Records {
    lines: Lines,
}

impl Records {
    pub fn open(file: &Path) -> Result<Self, ReadError> {
        Ok(Self { lines: Lines::open(file)? })
    }

    /// How the file ends; to be asked when there is no further record.
    pub fn tail(&self) -> Tail {
        self.lines.tail()
    }

    fn read(&mut self) -> Result<Option<Record>, ReadError> {
        let file = self.lines.file.clone();
        let Some((line, bytes)) = self.lines.read()? else { return Ok(None) };
        let record = serde_json::from_slice(bytes);
        record.map(Some).map_err(|source| ReadError::NoRecord { file, line, source })
    }
}

impl Iterator for Records {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Every record of a folder, in the order of their times. It is for small folders: all of them are held at once.
pub fn everything(records: &Path) -> Result<Vec<Record>, ReadError> {
    let failed = |source| ReadError::Io { file: records.to_owned(), source };
    let mut files = layout::host_files(records).map_err(failed)?;
    files.extend(layout::session_files(records).map_err(failed)?);
    let enforcer = records.join(layout::ENFORCER);
    files.extend(enforcer.exists().then_some(enforcer));
    let mut all = Vec::new();
    for file in files {
        for record in Records::open(&file)? {
            all.push(record?);
        }
    }
    all.sort_by(|one, two| one.at.cmp(&two.at));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chain;
    use crate::event::Event;

    fn lines(count: u64) -> Vec<u8> {
        let (mut chain, mut lines) = (Chain::EMPTY, Vec::new());
        for number in 0..count {
            let event = Event::Stopped { open_connections: number };
            chain.add("2026-01-01T00:00:00Z", &event, &mut lines).expect("canonical");
        }
        lines
    }

    /// Reads a file with this content to its end.
    fn read(name: &str, content: &[u8]) -> (usize, Tail) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(name);
        std::fs::write(&file, content).expect("written");
        let mut records = Records::open(&file).expect("opened");
        let mut count = 0;
        for record in records.by_ref() {
            record.expect("a record");
            count += 1;
        }
        (count, records.tail())
    }

    #[test]
    fn half_a_line_at_the_end_is_told_and_is_no_record() {
        let whole = lines(3);
        assert_eq!(read("a.jsonl", &whole), (3, Tail::Whole));
        assert_eq!(read("a.jsonl", &whole[..whole.len() - 1]).0, 2);
        assert!(matches!(read("a.jsonl", &whole[..whole.len() - 9]), (2, Tail::HalfALine(100..))));
        assert_eq!(read("a.jsonl", b""), (0, Tail::Whole));
    }

    #[test]
    fn frames_are_read_one_after_the_other_and_the_last_may_be_cut() {
        let pack = |bytes: &[u8]| zstd::encode_all(bytes, 1).expect("packed");
        let frames = [pack(&lines(2)), pack(&lines(3))].concat();
        assert_eq!(read("a.jsonl.zst", &frames), (5, Tail::Whole));
        assert_eq!(read("a.jsonl.zst", &frames[..frames.len() - 5]).1, Tail::HalfAFrame);
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.jsonl");
        std::fs::write(&file, [lines(1), b"{}\n".to_vec()].concat()).expect("written");
        let outcome: Result<Vec<_>, _> = Records::open(&file).expect("opened").collect();
        assert!(matches!(outcome, Err(ReadError::NoRecord { line: 2, .. })));
    }
}
