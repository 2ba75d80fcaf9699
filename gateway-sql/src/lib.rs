//! What a message of SQL does.
//!
//! Text, the session's state and the target's catalogue go in, [`Facts`](gateway_policy::facts::Facts) come out: the
//! same every time, without looking at a clock, a file or a socket. PostgreSQL's own grammar reads the text (this is
//! the only crate that links C). Before it sees a byte, the size and nesting are bounded; afterwards a second reader
//! that shares no code with it has to see the same. Whatever is not understood is said to be unknown, and an unknown
//! allows nothing.

#![forbid(unsafe_code)]

mod builtin;
mod cache;
pub mod catalogue;
mod encoding;
mod gather;
mod names;
mod outline;
mod postgres;
mod scan;
mod scope;
mod second_reader;
mod shape;
mod skeleton;
#[cfg(test)]
mod tests;

use gateway_policy::command::State;
use gateway_policy::facts::{Facts, Reason, Unknown};

pub use cache::Cache;
pub use catalogue::Catalogue;
pub use names::PATH_UNKNOWN;
pub use shape::shape;
pub use skeleton::skeleton;

/// How much is read. What is beyond is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one message.
    pub bytes: usize,
    /// Parentheses and brackets inside each other.
    pub nesting: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1024 * 1024, nesting: 64 }
    }
}

/// What the text does when it is run in this session, against a target with this catalogue.
pub fn read(text: &str, state: &State, catalogue: &Catalogue) -> Facts {
    read_within(&Limits::default(), text, state, catalogue)
}

/// The same within limits of one's own.
pub fn read_within(limits: &Limits, text: &str, state: &State, catalogue: &Catalogue) -> Facts {
    if let Err(reason) = encoding::check(text, state) {
        return nothing_known(reason);
    }
    let outline = match outline::outline(text, limits) {
        Ok(outline) => outline,
        Err(reason) => return nothing_known(reason),
    };
    let names = names::Names::new(state, catalogue);
    let mut facts = postgres::read(text, &names);
    // Readers are only compared where the first one claims to know everything.
    let claims =
        facts.unknowns.is_empty() && facts.statements.iter().all(|statement| statement.unknowns.is_empty());
    if claims && !second_reader::agrees(text, &outline, &facts) {
        facts.unknowns.push(Unknown { reason: Reason::ReadersDisagree, about: None });
    }
    facts
}

fn nothing_known(reason: Reason) -> Facts {
    Facts { statements: Vec::new(), unknowns: vec![Unknown { reason, about: None }] }
}
