//! How each record vouches for the one before it: it carries the SHA-256 of that record's line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::canonical::{self, NotCanonical};
use crate::event::Event;

/// The version of the format, which each file names first.
pub const FORMAT: u32 = 1;

/// One record as it stands in a file, in a line of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts the records of the chain, from 0.
    pub seq: u64,
    /// RFC 3339 in UTC.
    pub at: String,
    /// The hash of the record before, all zeroes in the first one.
    pub prev: Hash,
    #[serde(flatten)]
    pub event: Event,
}

/// A SHA-256. In records it is written in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    pub const NONE: Self = Self([0; 32]);

    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Hash {
    fn digits(&self) -> [u8; 64] {
        let mut digits = [0; 64];
        let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        digits
    }
}

/// Not 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no SHA-256 in hexadecimal digits")]
pub struct NoHash;

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NoHash),
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| NoHash)?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            if let [high, low] = pair {
                *byte = digit(*high)? << 4 | digit(*low)?;
            }
        }
        Ok(Self(hash))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What every record says of its place.
#[derive(Deserialize)]
struct Place {
    seq: u64,
    prev: Hash,
}

/// Where a chain stands: what its next record has to say of those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// How many records there are.
    pub records: u64,
    /// The hash of the last one.
    pub hash: Hash,
}

impl Chain {
    pub const EMPTY: Self = Self { records: 0, hash: Hash::NONE };

    /// Appends an event's line to `lines`, and goes on from it.
    pub fn add(&mut self, at: &str, event: &Event, lines: &mut Vec<u8>) -> Result<(), NotCanonical> {
        /// A [`Record`] that owns nothing.
        #[derive(Serialize)]
        struct Line<'a> {
            at: &'a str,
            prev: Hash,
            seq: u64,
            #[serde(flatten)]
            event: &'a Event,
        }
        let begin = lines.len();
        canonical::append(lines, &Line { at, prev: self.hash, seq: self.records, event })?;
        self.pass(lines.get(begin..).unwrap_or_default());
        lines.push(b'\n');
        Ok(())
    }

    /// Where a chain stands after the record of this line, if it is one.
    pub fn after(line: &[u8]) -> Option<Self> {
        let place: Place = serde_json::from_slice(line).ok()?;
        Some(Self { records: place.seq.checked_add(1)?, hash: Hash::of(line) })
    }

    /// Whether this is the line of the record that comes next.
    pub fn leads_to(&self, line: &[u8]) -> bool {
        let place: Option<Place> = serde_json::from_slice(line).ok();
        place.is_some_and(|place| place.seq == self.records && place.prev == self.hash)
    }

    /// Goes on from a record's line, which is given without its end.
    pub fn pass(&mut self, line: &[u8]) {
        *self = Self { records: self.records + 1, hash: Hash::of(line) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(version: &str) -> Event {
        Event::Started { version: version.into() }
    }

    #[test]
    fn a_record_carries_the_hash_of_the_line_before() {
        let (mut chain, mut lines) = (Chain::EMPTY, Vec::new());
        chain.add("2026-01-01T00:00:00Z", &event("1"), &mut lines).expect("canonical");
        let first = lines.clone();
        chain.add("2026-01-01T00:00:01Z", &event("2"), &mut lines).expect("canonical");
        let text = String::from_utf8(lines).expect("text");
        let records: Vec<Record> =
            text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
        assert_eq!((records[0].seq, records[0].prev), (0, Hash::NONE));
        assert_eq!((records[1].seq, records[1].prev), (1, Hash::of(first.trim_ascii_end())));
        assert_eq!(records[1].event, event("2"));
        assert!(Chain::after(first.trim_ascii_end()).is_some_and(|chain| {
            let lines: Vec<_> = text.lines().map(str::as_bytes).collect();
            chain.leads_to(lines[1]) && !chain.leads_to(lines[0])
        }));
        assert_eq!(chain, Chain { records: 2, hash: Hash::of(text.lines().last().expect("two").as_bytes()) });
        let zeroes = "0".repeat(64);
        let line = format!(
            r#"{{"at":"2026-01-01T00:00:00Z","event":"started","prev":"{zeroes}","seq":0,"version":"1"}}"#
        );
        assert_eq!(text.lines().next(), Some(line.as_str()));
    }

    #[test]
    fn a_hash_is_read_in_the_one_form_it_is_written_in() {
        let hash = Hash::of(b"abc");
        let text = hash.to_string();
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(text.to_uppercase().parse::<Hash>(), Err(NoHash));
        assert_eq!(text[1..].parse::<Hash>(), Err(NoHash));
    }
}
