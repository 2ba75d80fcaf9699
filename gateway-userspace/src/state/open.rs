//! Opens the file, believes it only when it is whole and ours, and brings its tables up to date.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior};

use super::{Part, StateError};

const FILE: &str = "state.db";
/// Says whose file it is: "post".
const OURS: i64 = 0x706f_7374;
/// How long another reader of the file may hold it up.
const BUSY: Duration = Duration::from_secs(5);

/// A file on which every commit is on the disk.
pub fn open(folder: &Path, parts: &[Part]) -> Result<Connection, StateError> {
    let path = folder.join(FILE);
    make(folder, &path).map_err(|source| StateError::Folder { folder: folder.to_owned(), source })?;
    let failed = |source| StateError::Open { path: path.clone(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut file = Connection::open_with_flags(&path, flags).map_err(failed)?;
    believe(&file, &path)?;
    file.busy_timeout(BUSY).map_err(failed)?;
    file.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
    file.pragma_update(None, "synchronous", "full").map_err(failed)?;
    file.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    bring_up_to_date(&transaction, &path, parts)?;
    transaction.commit().map_err(failed)?;
    Ok(file)
}

/// The folder and an empty file, which nobody else may read.
fn make(folder: &Path, path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    Ok(())
}

fn believe(file: &Connection, path: &Path) -> Result<(), StateError> {
    let damaged =
        |error: rusqlite::Error| StateError::Damaged { path: path.to_owned(), what: error.to_string() };
    let mark: i64 = file.query_row("pragma application_id", (), |row| row.get(0)).map_err(damaged)?;
    let tables: i64 =
        file.query_row("select count(*) from sqlite_schema", (), |row| row.get(0)).map_err(damaged)?;
    match (mark, tables) {
        (OURS, _) => (),
        (0, 0) => file.pragma_update(None, "application_id", OURS).map_err(damaged)?,
        _ => return Err(StateError::Foreign { path: path.to_owned() }),
    }
    let found: String = file.query_row("pragma quick_check(1)", (), |row| row.get(0)).map_err(damaged)?;
    if found == "ok" { Ok(()) } else { Err(StateError::Damaged { path: path.to_owned(), what: found }) }
}

fn bring_up_to_date(file: &Transaction<'_>, path: &Path, parts: &[Part]) -> Result<(), StateError> {
    let failed = |source| StateError::Open { path: path.to_owned(), source };
    file.execute_batch(
        "create table if not exists parts (name text primary key, version integer not null) strict",
    )
    .map_err(failed)?;
    strangers(file, path, parts)?;
    for part in parts {
        let find = "select version from parts where name = ?1";
        let version: Option<u32> =
            file.query_row(find, [part.name], |row| row.get(0)).optional().map_err(failed)?;
        let done = version.unwrap_or_default() as usize;
        let Some(missing) = part.steps.get(done..) else {
            return Err(newer(path, part.name, version.unwrap_or_default()));
        };
        for step in missing {
            file.execute_batch(step).map_err(failed)?;
        }
        let note = "insert into parts (name, version) values (?1, ?2) \
            on conflict (name) do update set version = excluded.version";
        file.execute(note, (part.name, u32::try_from(part.steps.len()).unwrap_or(u32::MAX)))
            .map_err(failed)?;
    }
    Ok(())
}

/// Tables of a capability that this gateway does not have.
fn strangers(file: &Transaction<'_>, path: &Path, parts: &[Part]) -> Result<(), StateError> {
    let failed = |source| StateError::Open { path: path.to_owned(), source };
    let mut all = file.prepare("select name, version from parts").map_err(failed)?;
    let all =
        all.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?))).map_err(failed)?;
    for found in all {
        let (name, version) = found.map_err(failed)?;
        if !parts.iter().any(|part| part.name == name) {
            return Err(newer(path, &name, version));
        }
    }
    Ok(())
}

fn newer(path: &Path, part: &str, found: u32) -> StateError {
    StateError::Newer { path: PathBuf::from(path), part: part.to_owned(), found }
}
