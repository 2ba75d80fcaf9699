//! One command of an agent, and how it ended, whatever the protocol.

use alloc::vec::Vec;

/// What an agent wants to run.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// As it was sent. It may hold several statements.
    pub text: &'a str,
    pub stage: Stage<'a>,
    pub state: &'a State,
}

/// How far a command is.
#[derive(Debug, Clone, Copy)]
pub enum Stage<'a> {
    /// It is to be prepared. Nothing runs yet, and the values of its parameters are not known.
    Prepare,
    /// It is to run, with these values for its parameters.
    Run(&'a [Parameter<'a>]),
}

/// The value of a parameter, as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter<'a> {
    Null,
    Text(&'a [u8]),
    Binary(&'a [u8]),
}

/// What the target says of the session, as far as it changes how a command is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    pub transaction: Transaction,
    /// Settings by their names, as the login found them or the target reported them since. One that the target does
    /// not report is known until something is set; from then on it is missing here.
    pub settings: Vec<(alloc::string::String, alloc::string::String)>,
}

impl State {
    /// The value of a setting, as far as it is known.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transaction {
    #[default]
    None,
    Open,
    /// The target refuses everything until it is ended.
    Failed,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The target's own words: `SELECT 3`, or an error code.
    pub said: Said<'a>,
    pub rows: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// It is prepared, and has not run.
    Prepared,
    /// The tag of a command that succeeded.
    Done(&'a str),
    /// The code of the error that it failed with.
    Failed(&'a str),
    /// There are more rows than were asked for; the command may go on.
    Suspended,
    /// It never ran, since something before it in the same batch failed.
    Skipped,
    /// The connection ended first.
    Nothing,
}
