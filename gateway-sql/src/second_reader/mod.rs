//! A second opinion, from code that shares nothing with the first.
//!
//! It has to see the same number of statements, of the same kinds, and no table that the first reader did not see.
//! Seeing fewer is no disagreement: it knows fewer places where a table can stand.
//!
//! Three readers take turns. The tokens alone are enough for a plain SELECT, INSERT, UPDATE or DELETE, which is most of
//! what anybody sends and has to be fast. Everything else goes to `sqlparser`. What that cannot parse, one PostgreSQL
//! statement in ten, is held against [`words`]: each keyword that could mean an effect has to be among those told.

mod other;
mod plain;
mod words;

use std::collections::HashSet;

use gateway_policy::facts::{Effect, Facts, Kind, ObjectKind, On, Statement};

use crate::outline::Outline;
use crate::scan;

/// Of a longer text, only the tokens are read again.
const BYTES: usize = 256 * 1024;
/// Operators and ANDs in a text that `sqlparser` is given. It makes a tree as deep as a chain of them is long.
const OPERATORS: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opinion {
    Same,
    Different,
    /// This reader cannot say.
    None,
}

/// Whether the tokens, or another parser, contradict what was read.
pub(crate) fn agrees(text: &str, outline: &Outline<'_>, facts: &Facts) -> bool {
    if let [statement] = facts.statements.as_slice()
        && outline.statements == 1
        && plain::opinion(&outline.tokens, statement) == Opinion::Same
    {
        return true;
    }
    let other = if is_small(text, outline) { other::opinion(text, facts) } else { Opinion::None };
    match other {
        Opinion::Same => true,
        Opinion::Different => false,
        Opinion::None => words::opinion(outline, facts) == Opinion::Same,
    }
}

fn is_small(text: &str, outline: &Outline<'_>) -> bool {
    let operators = outline.tokens.iter().filter(|token| {
        token.kind == scan::Kind::Operator || token.is("and") || token.is("or") || token.is("not")
    });
    text.len() <= BYTES && operators.count() <= OPERATORS
}

/// The names of all relations that a statement was said to touch in any way.
fn relations(statement: &Statement) -> HashSet<&str> {
    let mut names = HashSet::new();
    for effect in &statement.effects {
        if let On::Relation(name) | On::Object(_, name) = &effect.on {
            names.insert(name.name.as_str());
        }
    }
    names
}

/// A body in standard SQL has semicolons of its own. It is opaque whatever it says, and runs when the routine is called.
fn makes_a_routine(facts: &Facts) -> bool {
    let routine = |effect: &Effect| {
        effect.kind == Kind::Create
            && matches!(effect.on, On::Object(ObjectKind::Function | ObjectKind::Procedure, _))
    };
    matches!(facts.statements.as_slice(), [only] if only.effects.iter().any(routine))
}

fn has(statement: &Statement, kind: Kind) -> bool {
    statement.effects.iter().any(|effect| effect.kind == kind)
}

/// Names are folded and cut as the server does it.
fn folded(word: &str) -> String {
    let mut name = word.to_ascii_lowercase();
    cut(&mut name);
    name
}

fn cut(name: &mut String) {
    const LONGEST: usize = 63;
    if name.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        name.truncate(end);
    }
}

#[cfg(test)]
mod tests;
