//! What lists ask for, of each session: a cache beside nobody's records.
//!
//! It belongs to whoever reads, stands in their own cache folder, and catches up with the files before each answer. It is
//! made again when it is missing, of another version or of other records. It is never the truth: `show` reads the files.

mod filling;
mod query;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use super::follow::{Cursor, Follower};
use crate::report::WithHelp;

pub use query::{Filter, Found, Grouped};

/// Goes up when the tables change, so that an older index is made again.
const VERSION: &str = "1";
const SCHEMA: &str = include_str!("index/schema.sql");
/// Records that are taken in with one transaction.
const BATCH: usize = 20_000;

#[derive(Debug)]
pub struct Index {
    records: PathBuf,
    database: Connection,
}

/// Whether an index that is there is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    WhereItStands,
    Anew,
}

impl Index {
    /// The reader's own index of these records, up to date.
    pub fn open(records: &Path, begin: Begin) -> anyhow::Result<Self> {
        std::fs::read_dir(records)
            .with_context(|| format!("cannot read the folder of records {}", records.display()))
            .help("read as root or as a member of the group that the folder belongs to")?;
        let database = match place(records) {
            Some(path) => open(&path, begin)?,
            // Without a home there is nothing to keep it in; it is made each time.
            None => Connection::open_in_memory().context("cannot make an index")?,
        };
        let mut index = Self::over(records, database)?;
        index.catch_up()?;
        Ok(index)
    }

    fn over(records: &Path, database: Connection) -> anyhow::Result<Self> {
        database.busy_timeout(Duration::from_secs(30))?;
        database.execute_batch(SCHEMA).context("cannot make the index")?;
        Ok(Self { records: records.to_owned(), database })
    }

    /// Takes in what came since last time.
    fn catch_up(&mut self) -> anyhow::Result<()> {
        let cursor = self.meta("cursor")?.and_then(|text| serde_json::from_str(&text).ok());
        let mut follower = Follower::new(&self.records, cursor.unwrap_or_default());
        loop {
            let before = follower.cursor().clone();
            let entries = follower.next(BATCH)?;
            if entries.is_empty() && *follower.cursor() == before {
                return Ok(());
            }
            self.take_in(&entries, follower.cursor())?;
        }
    }

    fn take_in(&mut self, entries: &[super::follow::Entry], cursor: &Cursor) -> anyhow::Result<()> {
        let act = "cannot write the index";
        let transaction = self.database.transaction().context(act)?;
        filling::fill(&transaction, entries).context(act)?;
        let cursor = serde_json::to_string(cursor)?;
        transaction
            .execute("INSERT OR REPLACE INTO meta VALUES ('cursor', ?1)", [cursor])
            .and_then(|_| transaction.commit())
            .context(act)
    }

    fn meta(&self, name: &str) -> anyhow::Result<Option<String>> {
        let query = "SELECT value FROM meta WHERE name = ?1";
        Ok(self.database.query_row(query, [name], |row| row.get(0)).optional()?)
    }
}

/// An index that cannot be used is thrown away: everything in it can be read again.
fn open(path: &Path, begin: Begin) -> anyhow::Result<Connection> {
    let act = || format!("cannot open the index {}", path.display());
    if begin == Begin::Anew {
        discard(path);
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let usable = Connection::open_with_flags(path, flags).and_then(|database| {
        database
            .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
            .map(|said| (database, said))
    });
    match usable {
        Ok((database, said)) if said == "ok" => return Ok(database),
        Ok(_) | Err(_) => discard(path),
    }
    Connection::open_with_flags(path, flags).with_context(act)
}

fn discard(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        // What is not there need not go.
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}

/// In the reader's own cache folder, named after the records and the version.
fn place(records: &Path) -> Option<PathBuf> {
    let own = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = own("XDG_CACHE_HOME").or_else(|| own("HOME").map(|home| home.join(".cache")))?;
    let folder = cache.join("postern");
    std::fs::create_dir_all(&folder).ok()?;
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(records.as_os_str().as_encoded_bytes()).into();
    Some(folder.join(format!("sessions-{:08x}-v{VERSION}.sqlite", u32::from_be_bytes([a, b, c, d]))))
}
