//! The list of logins that this gateway made and has not taken back yet.
//!
//! A login stands here, on disk, before it is made. So whatever happens in between, a later gateway finds it and takes
//! it back. That a login is gone again is written without waiting: to take back what is gone does no harm.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::name::GatewayId;

const LINES: &str = "logins.jsonl";
const ID: &str = "gateway";
/// Lines after which the file is written anew without what is gone.
const LONGEST: usize = 10_000;

#[derive(Debug, Error)]
#[error("cannot write the list of logins in {}", folder.display())]
pub struct LedgerError {
    folder: PathBuf,
    #[source]
    source: io::Error,
}

/// Where a login was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub target: String,
    pub server: SocketAddr,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Made {
        login: String,
        #[serde(flatten)]
        made: Made,
    },
    Gone {
        login: String,
    },
}

/// Opened with the first login, so that a gateway without minted logins needs no folder.
#[derive(Debug)]
pub struct Ledger {
    folder: PathBuf,
    open: Mutex<Option<Arc<Book>>>,
}

/// The open ledger.
#[derive(Debug)]
pub struct Book {
    folder: PathBuf,
    pub id: GatewayId,
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    file: File,
    lines: usize,
    made: BTreeMap<String, Made>,
    /// Those whose sessions this process has.
    live: HashSet<String>,
}

impl Ledger {
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), open: Mutex::default() }
    }

    /// Where other lasting things of logins are kept too.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn open(&self) -> Result<Arc<Book>, LedgerError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(book) = &*open {
            return Ok(Arc::clone(book));
        }
        let book = Arc::new(Book::open(&self.folder).map_err(|source| self.failed(source))?);
        *open = Some(Arc::clone(&book));
        Ok(book)
    }

    fn failed(&self, source: io::Error) -> LedgerError {
        LedgerError { folder: self.folder.clone(), source }
    }
}

impl Book {
    fn open(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let id = gateway_id(folder)?;
        let made = read(&folder.join(LINES))?;
        let pages = Mutex::new(Pages::write(folder, made)?);
        Ok(Self { folder: folder.to_owned(), id, pages })
    }

    /// Writes down that a login is about to be made. Done when it would survive a power cut.
    pub async fn make(book: &Arc<Self>, login: &str, made: Made) -> Result<(), LedgerError> {
        let (writer, login) = (Arc::clone(book), login.to_owned());
        // To wait for the disk is nothing for the event loop.
        let written = tokio::task::spawn_blocking(move || writer.write(&login, made)).await;
        written.unwrap_or_else(|error| Err(book.failed(io::Error::other(error))))
    }

    fn write(&self, login: &str, made: Made) -> Result<(), LedgerError> {
        let file = {
            let mut pages = self.pages();
            let line = Line::Made { login: login.to_owned(), made: made.clone() };
            pages.append(&line).map_err(|source| self.failed(source))?;
            pages.made.insert(login.to_owned(), made);
            pages.live.insert(login.to_owned());
            pages.file.try_clone().map_err(|source| self.failed(source))?
        };
        // Others write meanwhile, and one of these calls is enough for all that stands there.
        file.sync_data().map_err(|source| self.failed(source))
    }

    /// The session of a login is over: from now on a sweep may take it back.
    pub fn leave(&self, login: &str) {
        self.pages().live.remove(login);
    }

    /// The login is gone at the target.
    pub fn gone(&self, login: &str) {
        let mut pages = self.pages();
        pages.live.remove(login);
        if pages.made.remove(login).is_none() {
            return;
        }
        let written = if pages.lines < LONGEST {
            pages.append(&Line::Gone { login: login.to_owned() })
        } else {
            let made = std::mem::take(&mut pages.made);
            Pages::write(&self.folder, made).map(|fresh| {
                let live = std::mem::take(&mut pages.live);
                *pages = Pages { live, ..fresh };
            })
        };
        if let Err(error) = written {
            tracing::warn!(%error, "cannot write down that a login is gone; it will be looked for again");
        }
    }

    /// Logins of a target that nobody uses any more.
    pub fn left_behind(&self, target: &str) -> Vec<(String, SocketAddr)> {
        let pages = self.pages();
        let left =
            pages.made.iter().filter(|(login, made)| made.target == target && !pages.live.contains(*login));
        left.map(|(login, made)| (login.clone(), made.server)).collect()
    }

    pub fn is_live(&self, login: &str) -> bool {
        self.pages().live.contains(login)
    }

    fn pages(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: io::Error) -> LedgerError {
        LedgerError { folder: self.folder.clone(), source }
    }
}

impl Pages {
    /// A fresh file with what is still there, which takes the old one's place whole.
    fn write(folder: &Path, made: BTreeMap<String, Made>) -> io::Result<Self> {
        let fresh = folder.join("logins.new");
        let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
        let mut pages = Self { file, lines: 0, made: BTreeMap::new(), live: HashSet::new() };
        for (login, made) in &made {
            pages.append(&Line::Made { login: login.clone(), made: made.clone() })?;
        }
        pages.made = made;
        pages.file.sync_all()?;
        fs::rename(&fresh, folder.join(LINES))?;
        File::open(folder)?.sync_all()?;
        Ok(pages)
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.lines += 1;
        Ok(())
    }
}

/// What a file says is still there. A last line that was cut off was never relied on.
fn read(path: &Path) -> io::Result<BTreeMap<String, Made>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut made_there = BTreeMap::new();
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        match serde_json::from_str(line)? {
            Line::Made { login, made } => drop(made_there.insert(login, made)),
            Line::Gone { login } => drop(made_there.remove(&login)),
        }
    }
    Ok(made_there)
}

fn gateway_id(folder: &Path) -> io::Result<GatewayId> {
    let path = folder.join(ID);
    match fs::read_to_string(&path) {
        Ok(text) => GatewayId::parse(text.trim()).ok_or_else(|| {
            io::Error::other(format!("{} holds no id; remove it to have one made", path.display()))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = GatewayId::fresh()?;
            let fresh = folder.join("gateway.new");
            let mut file =
                OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
            writeln!(file, "{id}")?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Made {
        Made { target: "orders".to_owned(), server: SocketAddr::from(([127, 0, 0, 1], 5432)) }
    }

    #[test]
    fn what_was_made_and_not_taken_back_is_known_to_the_next_gateway() {
        let folder = tempfile::tempdir().expect("a folder");
        let id = {
            let book = Book::open(folder.path()).expect("a book");
            book.write("a", made()).expect("a line");
            book.write("b", made()).expect("a line");
            assert_eq!(book.left_behind("orders"), []);
            book.gone("a");
            book.id.clone()
        };
        let book = Book::open(folder.path()).expect("a book");
        assert_eq!(book.id, id);
        assert_eq!(book.left_behind("orders"), [("b".to_owned(), made().server)]);
        assert_eq!(book.left_behind("other"), []);
    }

    #[test]
    fn a_login_is_left_behind_once_its_session_is_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::open(folder.path()).expect("a book");
        book.write("a", made()).expect("a line");
        assert!(book.is_live("a"));
        book.leave("a");
        assert_eq!(book.left_behind("orders").len(), 1);
    }

    #[test]
    fn a_line_that_was_cut_off_is_no_line_and_a_broken_one_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        Book::open(folder.path()).expect("a book").write("a", made()).expect("a line");
        let path = folder.path().join(LINES);
        let text = fs::read_to_string(&path).expect("lines");
        fs::write(&path, format!("{text}{{\"made\"")).expect("lines");
        assert_eq!(Book::open(folder.path()).expect("a book").left_behind("orders").len(), 1);
        fs::write(&path, "nonsense\n").expect("lines");
        assert!(Book::open(folder.path()).is_err());
    }

    #[test]
    fn the_file_does_not_grow_with_what_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::open(folder.path()).expect("a book");
        book.write("kept", made()).expect("a line");
        for login in 0..LONGEST {
            let login = login.to_string();
            book.pages().made.insert(login.clone(), made());
            book.gone(&login);
        }
        let lines = fs::read_to_string(folder.path().join(LINES)).expect("lines").lines().count();
        assert!(lines < 10, "{lines}");
        assert_eq!(Book::open(folder.path()).expect("a book").left_behind("orders").len(), 1);
    }
}
