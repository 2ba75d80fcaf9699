//! The part of a session's state that decides how a text is read.

use gateway_policy::command::State;
use gateway_policy::facts::Aftermath;

/// The settings that readers of SQL look at.
const WATCHED: [&str; 5] =
    ["search_path", "client_encoding", "standard_conforming_strings", "role", "session_authorization"];

/// Two sessions of one subject with the same reading take a text for the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    settings: [Option<Box<str>>; WATCHED.len()],
    path: Path,
}

/// Whether the search path is known where the state says nothing of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Path {
    /// It is as the login left it.
    #[default]
    AsBegun,
    /// It was changed, and the server does not report to what.
    Lost,
}

impl Reading {
    pub fn of(state: &State, so_far: Aftermath) -> Self {
        let settings = WATCHED.map(|name| state.setting(name).map(Box::from));
        Self { settings, path: path(state, so_far) }
    }

    /// The same as making one and comparing, without making one.
    pub fn is_of(&self, state: &State, so_far: Aftermath) -> bool {
        let mut pairs = WATCHED.iter().zip(&self.settings);
        let same = |(name, value): (&&str, &Option<Box<str>>)| state.setting(name) == value.as_deref();
        self.path == path(state, so_far) && pairs.all(same)
    }

    pub fn path(&self) -> Path {
        self.path
    }
}

fn path(state: &State, so_far: Aftermath) -> Path {
    if so_far == Aftermath::ChangesSearchPath && state.setting("search_path").is_none() {
        Path::Lost
    } else {
        Path::AsBegun
    }
}
