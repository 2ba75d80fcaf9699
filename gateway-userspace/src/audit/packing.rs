//! Compresses files that nothing is added to any more. A thread of its own does, so that nobody waits for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc as blocking;

use gateway_audit::chain::Hash;
use gateway_audit::event::Event;
use gateway_audit::file::Packed;
use gateway_audit::layout;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::book::{MODE, sync_folders};
use super::host::Errand;
use super::{RecordError, spawn};

/// Lines that are compressed together. Each such frame can be read on its own.
const FRAME: usize = 1 << 20;
const LEVEL: i32 = 3;
/// What a file is called until it is whole.
pub const UNFINISHED: &str = "tmp";

/// Files to compress, by their names below the folder of records.
pub type Packing = blocking::Sender<PathBuf>;

pub fn start(host: mpsc::WeakSender<Errand>, records: &Path) -> Result<Packing, RecordError> {
    let (packing, names) = blocking::channel::<PathBuf>();
    let records = records.to_owned();
    spawn("packing", move || {
        for name in names {
            let packed = match pack(&records, &name) {
                Ok(packed) => packed,
                Err(error) => {
                    // It can be read as it is, and is tried again at the next start.
                    tracing::warn!(%error, file = %name.display(), "records cannot be compressed");
                    continue;
                }
            };
            let Some(host) = host.upgrade() else { return };
            let _closing =
                host.blocking_send(Errand::Record { event: Box::new(Event::Packed(packed)), written: None });
        }
    })?;
    Ok(packing)
}

fn pack(records: &Path, name: &Path) -> io::Result<Packed> {
    let plain = records.join(name);
    let target = layout::packed(name);
    let unfinished = records.join(&target).with_extension(UNFINISHED);
    let sha256 = compress(&plain, &unfinished).inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })?;
    fs::rename(&unfinished, records.join(&target))?;
    sync_folders(records, &target)?;
    fs::remove_file(plain)?;
    Ok(Packed { file: target.display().to_string(), sha256 })
}

fn compress(plain: &Path, target: &Path) -> io::Result<Hash> {
    let mut input = BufReader::with_capacity(FRAME, File::open(plain)?);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(target)?;
    let mut output = Hashing { file, hash: Sha256::new() };
    let mut frame = Vec::with_capacity(FRAME);
    loop {
        let read = input.read_until(b'\n', &mut frame)?;
        if frame.len() >= FRAME || (read == 0 && !frame.is_empty()) {
            let mut encoder = zstd::Encoder::new(&mut output, LEVEL)?;
            encoder.include_checksum(true)?;
            encoder.write_all(&frame)?;
            encoder.finish()?;
            frame.clear();
        }
        if read == 0 {
            break;
        }
    }
    output.file.sync_all()?;
    Ok(Hash(output.hash.finalize().into()))
}

/// A file, and the hash of what was written to it.
struct Hashing {
    file: File,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_packed_file_says_the_same_to_whoever_has_zstd() {
        let folder = tempfile::tempdir().expect("a folder");
        let line = format!("{}\n", "x".repeat(300_000));
        fs::create_dir(folder.path().join("host")).expect("made");
        fs::write(folder.path().join("host/0.jsonl"), line.repeat(8)).expect("written");
        let packed = pack(folder.path(), Path::new("host/0.jsonl")).expect("packed");
        assert_eq!(packed.file, "host/0.jsonl.zst");
        let bytes = fs::read(folder.path().join(&packed.file)).expect("read");
        assert_eq!(Hash::of(&bytes), packed.sha256);
        assert_eq!(zstd::decode_all(&bytes[..]).expect("whole"), line.repeat(8).as_bytes());
        let names: Vec<_> = fs::read_dir(folder.path().join("host")).expect("a folder").collect();
        assert_eq!(names.len(), 1);
        let told = Command::new("zstd").arg("-lv").arg(folder.path().join(&packed.file)).output();
        if let Ok(told) = told {
            let told = String::from_utf8_lossy(&told.stdout).into_owned();
            assert!(told.contains("Frames: 2"), "{told}");
        }
    }
}
