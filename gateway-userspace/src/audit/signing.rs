//! The key that checkpoints are signed with. It is a systemd credential, or a file that nobody but the gateway reads and
//! that is made at the first start. The public keys of all times stay beside the records.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gateway_audit::checkpoint::{Checkpoint, PublicKey};
use gateway_audit::layout;
use zeroize::Zeroizing;

use super::RecordError;
use crate::random;

/// What the credential is called.
const CREDENTIAL: &str = "postern-signing-key";
const FILE: &str = "signing.key";
const PREFIX: &str = "PRIVATE+KEY+";
const ED25519_KIND: u8 = 1;
const SECRET: u32 = 0o600;
const FOLDER: u32 = 0o750;
const PUBLIC: u32 = 0o640;

pub struct SigningKey {
    public: PublicKey,
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The key that is in force, and a new one where there is none.
    pub fn load_or_make(records: &Path) -> Result<Self, RecordError> {
        let folder = records.join(layout::KEYS);
        let path = credential().unwrap_or_else(|| folder.join(FILE));
        let failed = |source| RecordError::Open { path: path.display().to_string(), source };
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(&folder).map_err(failed)?,
            text => Zeroizing::new(text.map_err(failed)?),
        };
        let key =
            Self::parse(&text).ok_or_else(|| RecordError::NoKey { path: path.display().to_string() })?;
        key.publish(records).map_err(failed)?;
        Ok(key)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().strip_prefix(PREFIX)?.splitn(3, '+');
        let (name, _id, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let secret = Zeroizing::new(BASE64.decode(secret).ok()?);
        let (kind, seed) = secret.split_first()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok().filter(|_| *kind == ED25519_KIND)?;
        let key = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { public: PublicKey { name: name.to_owned(), key }, pair })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A signed note that says this.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let signature = self.pair.sign(checkpoint.text().as_bytes());
        let mut bytes = [0; 64];
        bytes.iter_mut().zip(signature.as_ref()).for_each(|(to, from)| *to = *from);
        checkpoint.note(&self.public, &bytes)
    }

    /// Puts the public key beside the records, if it is not there.
    pub fn publish(&self, records: &Path) -> io::Result<()> {
        let folder = records.join(layout::KEYS);
        let path = folder.join(format!("{}.pub", self.public.id_text()));
        if path.exists() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(FOLDER).create(&folder)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(PUBLIC).open(path)?;
        writeln!(file, "{}", self.public)?;
        file.sync_all()
    }
}

fn credential() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
    path.exists().then_some(path)
}

/// Makes a key, in a file that is there whole or not at all. Returns what it says.
pub fn make(folder: &Path) -> io::Result<Zeroizing<String>> {
    let seed = random::bytes::<32>()?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(io::Error::other)?;
    let key = pair.public_key().as_ref().try_into().map_err(io::Error::other)?;
    let public = PublicKey { name: "postern".to_owned(), key };
    let secret = Zeroizing::new([&[ED25519_KIND], &seed[..]].concat());
    let secret = Zeroizing::new(BASE64.encode(&*secret));
    let text = Zeroizing::new(format!("{PREFIX}{}+{}+{}\n", public.name, public.id_text(), &*secret));
    DirBuilder::new().recursive(true).mode(FOLDER).create(folder)?;
    let (path, begun) = (folder.join(FILE), folder.join("signing.key.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(SECRET).open(&begun)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(begun, path)?;
    fs::File::open(folder)?.sync_all()?;
    Ok(text)
}

/// Whether this is the key's signature of the message.
pub fn check(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
}

/// The public keys that stand beside the records.
pub fn published(records: &Path) -> io::Result<Vec<PublicKey>> {
    let mut keys = Vec::new();
    let entries = match fs::read_dir(records.join(layout::KEYS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(keys),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "pub") {
            keys.push(fs::read_to_string(&path)?.parse().map_err(io::Error::other)?);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use gateway_audit::chain::Hash;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = SigningKey::load_or_make(folder.path()).expect("a key");
        let second = SigningKey::load_or_make(folder.path()).expect("a key");
        assert_eq!(first.public(), second.public());
        assert_eq!(published(folder.path()).expect("keys"), [first.public().clone()]);
        let secret = folder.path().join("keys/signing.key");
        assert_eq!(fs::metadata(secret).expect("a file").permissions().mode() & 0o777, SECRET);
    }

    #[test]
    fn what_it_signs_is_believed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SigningKey::load_or_make(folder.path()).expect("a key");
        let checkpoint = Checkpoint {
            origin: "host".into(),
            records: 3,
            hash: Hash::of(b"x"),
            at: "2026-01-01T00:00:00Z".into(),
        };
        let note = key.sign(&checkpoint);
        let keys = [key.public().clone()];
        assert_eq!(Checkpoint::open(&note, &keys, &check).expect("signed").0, checkpoint);
        assert!(Checkpoint::open(&note.replace("\n3\n", "\n4\n"), &keys, &check).is_err());
    }

    #[test]
    fn a_new_key_leaves_the_old_public_one_where_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = SigningKey::load_or_make(folder.path()).expect("a key");
        let _text = make(&folder.path().join(layout::KEYS)).expect("made");
        let new = SigningKey::load_or_make(folder.path()).expect("a key");
        assert_ne!(old.public(), new.public());
        assert_eq!(published(folder.path()).expect("keys").len(), 2);
    }
}
