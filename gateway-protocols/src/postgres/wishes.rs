//! What an agent may ask for in its StartupMessage, beside user and database.
//!
//! A setting given there holds before the first command and is judged by nobody, so only those pass that change
//! nothing about who the session is and how commands are read. What `options` holds is taken apart and passes, or does
//! not pass, setting by setting.

#[cfg(test)]
mod tests;

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

/// How results look, how long things may take, where unqualified names are looked for.
const SETTINGS: [&str; 31] = [
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "enable_hashjoin",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_seqscan",
    "extra_float_digits",
    "geqo",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lock_timeout",
    "plan_cache_mode",
    "random_page_cost",
    "search_path",
    "statement_timeout",
    "tcp_keepalives_idle",
    "timezone",
    "transaction_timeout",
    "work_mem",
];
/// Passes only as what it must be anyway.
const STRINGS: &str = "standard_conforming_strings";

/// Why a wish is not granted. Names are the agent's own words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WishError {
    #[error("the setting \"{0}\" cannot be given at the start of a session; use SET")]
    Setting(String),
    #[error("the startup option \"{0}\" is not understood; write -c name=value")]
    Option(String),
    #[error("standard_conforming_strings must be on")]
    Strings,
}

/// The settings that a session begins with, in the order in which they were asked for.
pub fn settings(parameters: &[(String, String)]) -> Result<Vec<(String, String)>, WishError> {
    let mut settings = Vec::new();
    for (name, value) in parameters {
        match name.as_str() {
            "options" => {
                for (name, value) in options(value)? {
                    settings.push(setting(name, value)?);
                }
            }
            _ => settings.push(setting(name.clone(), value.clone())?),
        }
    }
    Ok(settings)
}

fn setting(name: String, value: String) -> Result<(String, String), WishError> {
    let known = name.to_ascii_lowercase();
    if known == STRINGS {
        return if ["on", "true", "yes", "1"].contains(&value.as_str()) {
            Ok((name, value))
        } else {
            Err(WishError::Strings)
        };
    }
    if SETTINGS.contains(&known.as_str()) { Ok((name, value)) } else { Err(WishError::Setting(name)) }
}

/// `-c name=value` and `--name=value`, as the server's own command line has them. A dash stands for `_` in a name.
fn options(text: &str) -> Result<Vec<(String, String)>, WishError> {
    let mut words = words(text).into_iter();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") if word == "-c" => words.next(),
            Some(rest) => Some(rest.to_owned()),
            None => None,
        };
        let pair = assignment.as_deref().and_then(|assignment| assignment.split_once('='));
        let Some((name, value)) = pair else { return Err(WishError::Option(word)) };
        found.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(found)
}

/// Words are parted by white space, which a backslash keeps.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(letters.next()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}
