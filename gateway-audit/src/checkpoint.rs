//! Signed statements of how far the host's chain has come, so that a tail that was cut off later is missed.
//!
//! The form is a checkpoint in a signed note, as C2SP has them (c2sp.org/tlog-checkpoint, c2sp.org/signed-note), signed with
//! Ed25519. The root is the hash of the chain's last record. Signing and checking signatures is brought by the caller.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::chain::Hash;

/// Ed25519, in the numbers of signed notes.
const ED25519: u8 = 1;
const DASH: &str = "\u{2014} ";

/// Whether this is the key's signature of the message.
pub type Check<'a> = &'a dyn Fn(&[u8; 32], &[u8], &[u8]) -> bool;

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose chain it is.
    pub origin: String,
    /// How many records the chain had.
    pub records: u64,
    /// The hash of the last of them.
    pub hash: Hash,
    /// When, as the records write it.
    pub at: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("it is no signed note")]
    NoNote,
    #[error("it is no checkpoint")]
    NoCheckpoint,
    #[error("none of the known keys has signed it")]
    UnknownKey,
    #[error("its signature is wrong")]
    WrongSignature,
}

impl Checkpoint {
    /// The text that the signature is over.
    pub fn text(&self) -> String {
        let Self { origin, records, hash, at } = self;
        format!("{origin}\n{records}\n{}\n{at}\n", BASE64.encode(hash.0))
    }

    /// The whole note.
    pub fn note(&self, key: &PublicKey, signature: &[u8; 64]) -> String {
        let blob = [&key.id()[..], signature].concat();
        format!("{}\n{DASH}{} {}\n", self.text(), key.name, BASE64.encode(blob))
    }

    /// What a note says, once one of the keys is found to have signed it.
    pub fn open<'k>(
        note: &str,
        keys: &'k [PublicKey],
        check: Check<'_>,
    ) -> Result<(Self, &'k PublicKey), NoteError> {
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::NoNote)?;
        let text = format!("{text}\n");
        let checkpoint = Self::parse(&text).ok_or(NoteError::NoCheckpoint)?;
        let mut outcome = Err(NoteError::UnknownKey);
        for line in signatures.strip_suffix('\n').ok_or(NoteError::NoNote)?.split('\n') {
            let (name, blob) = signature(line).ok_or(NoteError::NoNote)?;
            let (id, signature) = blob.split_at_checked(4).ok_or(NoteError::NoNote)?;
            let Some(key) = keys.iter().find(|key| key.name == name && key.id() == *id) else { continue };
            if !check(&key.key, text.as_bytes(), signature) {
                return Err(NoteError::WrongSignature);
            }
            outcome = Ok(key);
        }
        outcome.map(|key| (checkpoint, key))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, records, root, at) = (lines.next()?, lines.next()?, lines.next()?, lines.next()?);
        let hash = BASE64.decode(root).ok()?.try_into().ok().map(Hash)?;
        let checkpoint =
            Self { origin: origin.to_owned(), records: records.parse().ok()?, hash, at: at.to_owned() };
        // Written in another way it would not be what was signed.
        (lines.next().is_none() && checkpoint.text() == text && !origin.is_empty()).then_some(checkpoint)
    }
}

fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, blob) = line.strip_prefix(DASH)?.split_once(' ')?;
    Some((name, BASE64.decode(blob).ok()?))
}

/// Every note in a text that has several, one after the other.
pub fn notes(text: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = String::new();
    for line in text.split_inclusive('\n') {
        // After the signatures another begins.
        if !line.starts_with(DASH) && note.contains(&format!("\n{DASH}")) {
            notes.push(std::mem::take(&mut note));
            if line == "\n" {
                continue;
            }
        }
        note.push_str(line);
    }
    if !note.trim().is_empty() {
        notes.push(note);
    }
    notes
}

/// A key that checkpoints can be checked with, written `NAME+ID+KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub name: String,
    pub key: [u8; 32],
}

/// Not a key in the form of signed notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no key of the form NAME+ID+KEY for Ed25519")]
pub struct NoKey;

impl PublicKey {
    /// The first bytes of a hash over name and key.
    pub fn id(&self) -> [u8; 4] {
        let hashed = [self.name.as_bytes(), b"\n", &[ED25519], &self.key].concat();
        let Hash([a, b, c, d, ..]) = Hash::of(&hashed);
        [a, b, c, d]
    }

    /// The id in hexadecimal digits, as records and files name the key.
    pub fn id_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode([&[ED25519], &self.key[..]].concat());
        write!(f, "{}+{}+{key}", self.name, self.id_text())
    }
}

impl FromStr for PublicKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let blob = BASE64.decode(key.ok_or(NoKey)?).map_err(|_| NoKey)?;
        let (kind, key) = blob.split_first().ok_or(NoKey)?;
        let key = Self { name: name.ok_or(NoKey)?.to_owned(), key: key.try_into().map_err(|_| NoKey)? };
        let sound = *kind == ED25519 && !key.name.is_empty() && Some(key.id_text().as_str()) == id;
        if sound { Ok(key) } else { Err(NoKey) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PublicKey {
        PublicKey { name: "host.example".into(), key: [7; 32] }
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "host.example".into(),
            records: 12,
            hash: Hash::of(b"x"),
            at: "2026-01-01T00:00:00Z".into(),
        }
    }

    /// Takes the last byte of the message for its signature.
    fn check(_key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
        signature.len() == 64 && signature.last() == Some(&(message.len() as u8))
    }

    fn note() -> String {
        let mut signature = [0; 64];
        signature[63] = checkpoint().text().len() as u8;
        checkpoint().note(&key(), &signature)
    }

    #[test]
    fn a_note_says_what_was_signed_and_by_whom() {
        let keys = [PublicKey { key: [8; 32], ..key() }, key()];
        assert_eq!(Checkpoint::open(&note(), &keys, &check), Ok((checkpoint(), &keys[1])));
        assert!(note().starts_with("host.example\n12\n"), "{}", note());
    }

    #[test]
    fn a_note_that_was_changed_or_is_anothers_is_refused() {
        let keys = [key()];
        let open = |note: &str| Checkpoint::open(note, &keys, &check).map(|(checkpoint, _)| checkpoint);
        assert_eq!(open(&note().replace("\n12\n", "\n120\n")), Err(NoteError::WrongSignature));
        assert_eq!(open(&note().replace("\n12\n", "\n012\n")), Err(NoteError::NoCheckpoint));
        assert_eq!(open(&note().replace("\u{2014} host", "\u{2014} ghost")), Err(NoteError::UnknownKey));
        assert_eq!(open(note().trim_end()), Err(NoteError::NoNote));
        assert_eq!(open(""), Err(NoteError::NoNote));
        assert_eq!(Checkpoint::open(&note(), &[], &check).err(), Some(NoteError::UnknownKey));
    }

    #[test]
    fn several_notes_in_one_text_are_told_apart() {
        assert_eq!(notes(&format!("{0}{0}", note())), [note(), note()]);
        assert_eq!(notes(&format!("{0}\n{0}", note())), [note(), note()]);
        assert_eq!(notes("\n"), Vec::<String>::new());
    }

    #[test]
    fn a_key_is_written_as_signed_notes_write_it() {
        // The example of c2sp.org/signed-note.
        let example = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: PublicKey = example.parse().expect("a key");
        assert_eq!((key.name.as_str(), key.to_string().as_str()), ("PeterNeumann", example));
        assert_eq!(example.replace("c74f20a3", "c74f20a4").parse::<PublicKey>(), Err(NoKey));
    }
}
