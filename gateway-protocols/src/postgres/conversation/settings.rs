//! Settings of the session that change how a command is read.
//!
//! Two are pinned: strings must follow the standard, and the encoding must be one in which a byte below 128 is always
//! that character. Where they are left, texts cannot be read with certainty, and nothing more is judged.

#[cfg(test)]
mod tests;

use alloc::string::String;

use gateway_policy::command::{State, Transaction};

/// More than any server reports.
const MOST: usize = 64;

/// A change of these makes what was permitted earlier be judged again.
const READ_BY: [&str; 6] = [
    "client_encoding",
    "standard_conforming_strings",
    "search_path",
    "role",
    "session_authorization",
    "is_superuser",
];

/// Encodings in which the bytes of a longer character are all above 127, so that they can be a server's too
/// (PostgreSQL, Character Set Support). All others are refused.
const SAFE_PREFIXES: [&str; 4] = ["LATIN", "ISO_8859_", "WIN", "EUC_"];
const SAFE: [&str; 4] = ["SQL_ASCII", "MULE_INTERNAL", "KOI8R", "KOI8U"];

/// What is known of the session's settings.
#[derive(Debug)]
pub(super) struct Settings {
    state: State,
    /// Names of those that the login found by asking; the target does not say when they change.
    asked: alloc::vec::Vec<String>,
    text: Text,
    /// Counts the changes that matter.
    version: u64,
}

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Utf8,
    /// In an encoding that is not looked at, so that only what is the same in all of them is taken.
    Ascii,
    Unreadable(&'static str),
}

/// Why a text cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoText {
    /// By what was set, no text can be.
    Settings(&'static str),
    /// It is not in the session's encoding.
    Bytes(&'static str),
}

/// The target reports more settings than there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Settings {
    /// From what the target reported at the login, and what the login asked for beside.
    pub(super) fn new(
        reported: impl IntoIterator<Item = (String, String)>,
        asked: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut state = State::default();
        state.settings.extend(reported);
        let known = state.settings.len();
        for (name, value) in asked {
            if state.setting(&name).is_none() {
                state.settings.push((name, value));
            }
        }
        let asked = state.settings.iter().skip(known).map(|(name, _)| name.clone()).collect();
        let mut settings = Self { state, asked, text: Text::Utf8, version: 0 };
        settings.text = settings.reading();
        settings
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn transaction(&mut self, transaction: Transaction) {
        self.state.transaction = transaction;
    }

    /// Takes in what a ParameterStatus says.
    pub(super) fn reported(&mut self, name: &[u8], value: &[u8]) -> Result<(), TooMany> {
        let name = String::from_utf8_lossy(name);
        self.asked.retain(|asked| *asked != name);
        let value = String::from_utf8_lossy(value);
        let count = self.state.settings.len();
        match self.state.settings.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) if *known == value => return Ok(()),
            Some((_, known)) => *known = value.into_owned(),
            None if count >= MOST => return Err(TooMany),
            None => self.state.settings.push((name.clone().into_owned(), value.into_owned())),
        }
        if READ_BY.contains(&&*name) {
            self.version = self.version.saturating_add(1);
            self.text = self.reading();
        }
        Ok(())
    }

    /// Something was set: what the target does not report is no longer known.
    pub(super) fn changed_unseen(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let asked = core::mem::take(&mut self.asked);
        self.state.settings.retain(|(name, _)| !asked.contains(name));
        self.version = self.version.saturating_add(1);
    }

    /// The bytes of a command as text.
    pub(super) fn read<'a>(&self, bytes: &'a [u8]) -> Result<&'a str, NoText> {
        match self.text {
            Text::Unreadable(why) => Err(NoText::Settings(why)),
            Text::Ascii if !bytes.is_ascii() => Err(NoText::Bytes(
                "a command with characters outside ASCII is only read when client_encoding is UTF8",
            )),
            Text::Ascii | Text::Utf8 => {
                core::str::from_utf8(bytes).map_err(|_| NoText::Bytes("the command is not valid UTF-8"))
            }
        }
    }

    fn reading(&self) -> Text {
        if self.state.setting("standard_conforming_strings") != Some("on") {
            return Text::Unreadable("commands are only read when standard_conforming_strings is on");
        }
        match self.state.setting("client_encoding") {
            Some("UTF8" | "UNICODE") => Text::Utf8,
            Some(name)
                if SAFE.contains(&name) || SAFE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) =>
            {
                Text::Ascii
            }
            Some(_) | None => {
                Text::Unreadable("commands cannot be read in this client_encoding; UTF8 is read")
            }
        }
    }
}
