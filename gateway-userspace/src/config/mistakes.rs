//! What is wrong with the configuration, where, and what to do: all of it at once.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Where in the configuration something stands. Line and column count from 1; a whole file has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    pub file: PathBuf,
    pub line: Option<usize>,
    pub column: Option<usize>,
}

impl Place {
    pub fn file(path: &Path) -> Self {
        Self { file: path.to_path_buf(), line: None, column: None }
    }

    /// The place of a byte in a file's text. Columns count characters, as editors do.
    pub fn at(path: &Path, text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { file: path.to_path_buf(), line: Some(line), column: Some(column) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, ":{line}:{column}"),
            (Some(line), None) => write!(f, ":{line}"),
            (None, _) => Ok(()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mistake {
    pub place: Place,
    pub what: String,
    pub remedy: String,
}

/// All mistakes of a configuration, in the order of files and lines. There is at least one.
#[derive(Debug, Clone, Serialize)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The list as `check` and a refused start print it.
    pub fn listing(&self) -> String {
        let entry =
            |mistake: &Mistake| format!("{}: {}\n  help: {}\n", mistake.place, mistake.what, mistake.remedy);
        self.0.iter().map(entry).collect()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has a mistake"),
            several => write!(f, "the configuration has {several} mistakes"),
        }
    }
}

impl Error for Mistakes {}

/// Gathers mistakes while the files are read. Shared, so that whoever holds a value can complain about it.
#[derive(Debug, Default)]
pub struct Gathered(RefCell<Vec<Mistake>>);

impl Gathered {
    pub fn add(&self, place: Place, what: impl Into<String>, remedy: impl Into<String>) {
        self.0.borrow_mut().push(Mistake { place, what: what.into(), remedy: remedy.into() });
    }

    /// Takes over what another gathering found, except on the lines given.
    pub fn take_over(&self, other: Self, except: &[Option<usize>]) {
        let kept = other.0.into_inner().into_iter().filter(|mistake| !except.contains(&mistake.place.line));
        self.0.borrow_mut().extend(kept);
    }

    /// The value if there were no mistakes, all mistakes otherwise.
    pub fn or<T>(self, value: Option<T>) -> Result<T, Mistakes> {
        let mut mistakes = self.0.into_inner();
        mistakes.sort();
        mistakes.dedup();
        match value {
            Some(value) if mistakes.is_empty() => Ok(value),
            Some(_) | None => Err(Mistakes(mistakes)),
        }
    }
}
