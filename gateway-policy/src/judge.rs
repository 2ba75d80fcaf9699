//! Whether a command may run. Only this crate can say yes.

use alloc::string::String;

/// The answer to a command.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    Allow(Permit),
    Deny(Denial),
}

/// Leave for one command. It can be made here only, and forwarding a command takes one.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    _made_here: (),
}

/// A no, and what the agent is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What was refused, and what would be allowed instead.
    pub message: String,
    pub hint: Option<String>,
}
