//! Which files a folder of records has.
//!
//! ```text
//! host/000000000000.jsonl.zst   the host's chain, each file named by the number of its first record
//! host/000000004711.jsonl       the one that is written now
//! sessions/2026/11/27/ID.jsonl  a session that is not packed yet; afterwards ID.jsonl.zst
//! keys/ID.pub                   the keys that checkpoints are signed with, old ones too
//! enforcer.jsonl                what `postern enforce` wrote down: a chain of its own
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub const HOST: &str = "host";
pub const SESSIONS: &str = "sessions";
pub const KEYS: &str = "keys";
/// The last signed state, beside the files of the host's chain.
pub const CHECKPOINT: &str = "host/checkpoint";
pub const ENFORCER: &str = "enforcer.jsonl";
/// What files are called that are being written, or were when it was cut.
pub const PLAIN: &str = ".jsonl";
/// What files are called that nothing is added to any more.
pub const PACKED: &str = ".jsonl.zst";
/// Folders below `sessions`: year, month, day.
const DEPTH: usize = 3;

/// The file of the host's chain that begins with this record.
pub fn host_file(first: u64) -> PathBuf {
    Path::new(HOST).join(format!("{first:012}{PLAIN}"))
}

/// The file of a session that began on that day, which is written `2026-11-27`.
pub fn session_file(day: &str, session: &str) -> PathBuf {
    let folder = day.split('-').fold(PathBuf::from(SESSIONS), |folder, part| folder.join(part));
    folder.join(format!("{session}{PLAIN}"))
}

/// What a file is called once it is packed.
pub fn packed(plain: &Path) -> PathBuf {
    plain.with_extension("jsonl.zst")
}

/// What a packed file was called before.
pub fn plain(packed: &Path) -> PathBuf {
    let name = packed.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name.strip_suffix(PACKED) {
        Some(stem) => packed.with_file_name(format!("{stem}{PLAIN}")),
        None => packed.to_owned(),
    }
}

/// The files of the host's chain, the oldest first.
pub fn host_files(records: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = BTreeMap::new();
    gather(&records.join(HOST), 0, &mut files)?;
    Ok(files.into_values().collect())
}

/// The files of all sessions, those of the oldest day first.
pub fn session_files(records: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = BTreeMap::new();
    gather(&records.join(SESSIONS), DEPTH, &mut files)?;
    Ok(files.into_values().collect())
}

/// Finds files of records. Where one is there in both forms, the packed one is whole and counts.
fn gather(folder: &Path, depth: usize, files: &mut BTreeMap<PathBuf, PathBuf>) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.ends_with(PACKED) {
            files.insert(plain(&path), path);
        } else if name.ends_with(PLAIN) {
            files.entry(path.clone()).or_insert(path);
        } else if depth > 0 && path.is_dir() {
            gather(&path, depth - 1, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_found_once_and_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &Path| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(&path, "").expect("written");
            path
        };
        let one = put(&packed(&host_file(0)));
        let two = put(&packed(&host_file(12)));
        put(&host_file(12));
        let last = put(&host_file(20));
        put(Path::new("host/checkpoint"));
        assert_eq!(host_files(folder.path()).expect("read"), [one, two, last]);
        let first = put(&packed(&session_file("2026-01-02", "b")));
        let second = put(&session_file("2026-01-10", "a"));
        assert_eq!(session_files(folder.path()).expect("read"), [first, second]);
        assert_eq!(session_file("2026-01-02", "b"), Path::new("sessions/2026/01/02/b.jsonl"));
        assert_eq!(session_files(&folder.path().join("none")).expect("read"), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_packed_file_is_the_plain_one_by_another_name() {
        let plain_name = session_file("2026-01-02", "b");
        assert_eq!(plain(&packed(&plain_name)), plain_name);
        assert_eq!(plain(&plain_name), plain_name);
    }
}
