//! What is tried, and how it would show that it worked.

mod code;
mod copying;
mod definitions;
mod disguise;
mod files;
mod reading;
mod settings;
mod wire;
mod writing;

use gateway_e2e::wire::Step;

/// One way to get a forbidden effect.
#[derive(Debug, Clone)]
pub(crate) struct Evasion {
    pub name: &'static str,
    pub proof: Proof,
    pub does: Does,
}

#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Simple queries. In braces stand the things that differ from server to server.
    Texts(&'static [&'static str]),
    Steps(Vec<Step>),
}

/// By what it shows that the forbidden thing has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The database, the cluster or the server's folder is not what it was.
    Changes,
    /// The card is in the answer, plainly or in a disguise.
    Leaks,
    /// Somebody who listens on the channel `out` heard it.
    Heard,
    /// Somebody else's session was ended.
    Kills,
    /// It kept the server busy for two seconds.
    Stalls,
    /// The answer has this in it.
    Says(&'static str),
}

/// An evasion that is a sequence of simple queries.
type Text = (&'static str, Proof, &'static [&'static str]);

pub(crate) fn all() -> Vec<Evasion> {
    let texts = [
        disguise::ROWS,
        writing::ROWS,
        definitions::ROWS,
        code::ROWS,
        reading::ROWS,
        copying::ROWS,
        files::ROWS,
        settings::ROWS,
    ];
    let mut all: Vec<Evasion> = texts.concat().into_iter().map(Evasion::from).collect();
    all.extend(wire::rows());
    all
}

impl From<Text> for Evasion {
    fn from((name, proof, texts): Text) -> Self {
        Self { name, proof, does: Does::Texts(texts) }
    }
}
