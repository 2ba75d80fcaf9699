//! The part of a session's state that decides how a text is read.

use gateway_policy::command::State;
use gateway_policy::facts::Aftermath;
use gateway_sql::PATH_UNKNOWN;

use super::Ground;

const SEARCH_PATH: &str = "search_path";
/// The settings that readers of SQL look at.
const WATCHED: [&str; 5] =
    [SEARCH_PATH, "client_encoding", "standard_conforming_strings", "role", "session_authorization"];
/// What stands in a search path for the schema that is called like the user.
const OWN_SCHEMA: &str = "\"$user\"";

/// Two sessions of one subject with the same reading take a text for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    settings: [Option<Box<str>>; WATCHED.len()],
    /// The session has done something to its search path.
    moved: bool,
    path: Path,
    /// The version of the catalogue.
    catalogue: u64,
}

/// Where unqualified names are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Path {
    Known(Box<str>),
    /// As the login left it, which nobody knows.
    AsBegun,
    /// It was changed, and the server does not report to what.
    Lost,
}

impl Reading {
    pub fn of(state: &State, so_far: Aftermath, ground: &Ground) -> Self {
        let moved = so_far == Aftermath::ChangesSearchPath;
        let settings = WATCHED.map(|name| state.setting(name).map(Box::from));
        let path = path(state.setting(SEARCH_PATH), moved, ground);
        Self { settings, moved, path, catalogue: ground.catalogue.version() }
    }

    /// The same as making one and comparing, without making one.
    pub fn is_of(&self, state: &State, so_far: Aftermath, ground: &Ground) -> bool {
        let mut pairs = WATCHED.iter().zip(&self.settings);
        let same = |(name, value): (&&str, &Option<Box<str>>)| state.setting(name) == value.as_deref();
        self.catalogue == ground.catalogue.version()
            && self.moved == (so_far == Aftermath::ChangesSearchPath)
            && pairs.all(same)
    }

    /// The state as a reader is to see it.
    pub fn state(&self, state: &State) -> State {
        let mut seen = state.clone();
        seen.settings.retain(|(name, _)| name != SEARCH_PATH);
        let path = match &self.path {
            Path::Known(path) => path,
            Path::Lost => PATH_UNKNOWN,
            Path::AsBegun => return seen,
        };
        seen.settings.push((SEARCH_PATH.to_owned(), path.to_owned()));
        seen
    }
}

fn path(reported: Option<&str>, moved: bool, ground: &Ground) -> Path {
    match (reported, moved) {
        (Some(path), _) if !path.contains("$user") => Path::Known(path.into()),
        // Who the session is now may have changed as well.
        (_, true) => Path::Lost,
        (Some(path), false) => Path::Known(path.replace(OWN_SCHEMA, &quoted(&ground.user)).into()),
        (None, false) => ground.path.as_deref().map_or(Path::AsBegun, |path| Path::Known(path.into())),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
