//! Keywords that could mean an effect, held against the effects that were told.

use gateway_policy::facts::{Facts, Kind};

use super::{Opinion, has, makes_a_routine};
use crate::outline::Outline;
use crate::scan::{self, Token};

/// Each keyword with the kinds one of which has to be told when it stands in a text.
const WORDS: [(&str, &[Kind]); 18] = [
    ("insert", &[Kind::Insert, Kind::Merge, Kind::Grant, Kind::Revoke, Kind::Create]),
    (
        "update",
        &[Kind::Update, Kind::Merge, Kind::LockRows, Kind::Grant, Kind::Revoke, Kind::Create, Kind::Alter],
    ),
    ("delete", &[Kind::Delete, Kind::Merge, Kind::Grant, Kind::Revoke, Kind::Create, Kind::Alter]),
    ("merge", &[Kind::Merge, Kind::Create]),
    ("truncate", &[Kind::Truncate, Kind::Vacuum, Kind::Grant, Kind::Revoke, Kind::Create]),
    ("drop", &[Kind::Drop, Kind::Alter, Kind::Create]),
    ("create", &[Kind::Create, Kind::Grant, Kind::Revoke]),
    ("alter", &[Kind::Alter, Kind::Grant, Kind::Revoke]),
    ("grant", &[Kind::Grant, Kind::Revoke, Kind::Alter]),
    ("revoke", &[Kind::Revoke, Kind::Alter]),
    (
        "copy",
        &[
            Kind::CopyIn,
            Kind::CopyOut,
            Kind::CopyFromFile,
            Kind::CopyToFile,
            Kind::CopyFromProgram,
            Kind::CopyToProgram,
        ],
    ),
    ("call", &[Kind::Call]),
    ("do", &[Kind::Do, Kind::Insert, Kind::Merge, Kind::Create]),
    ("execute", &[Kind::Execute, Kind::Create, Kind::Grant, Kind::Revoke]),
    ("prepare", &[Kind::Prepare, Kind::TwoPhase]),
    ("refresh", &[Kind::Refresh, Kind::Alter]),
    ("load", &[Kind::Load]),
    ("lock", &[Kind::LockTable, Kind::LockRows]),
];

pub(super) fn opinion(outline: &Outline<'_>, facts: &Facts) -> Opinion {
    if outline.statements != facts.statements.len() && !makes_a_routine(facts) {
        return Opinion::Different;
    }
    if let [only] = facts.statements.as_slice()
        && has(only, Kind::Explain)
    {
        // What is only planned is told as read, whatever its keywords.
        return Opinion::Same;
    }
    let mut before: Option<&Token<'_>> = None;
    for token in &outline.tokens {
        if !is_accounted_for(token, before, facts) {
            return Opinion::Different;
        }
        before = Some(token);
    }
    Opinion::Same
}

fn is_accounted_for(token: &Token<'_>, before: Option<&Token<'_>>, facts: &Facts) -> bool {
    // `t.update` is a column, whatever it is called.
    let qualified = before.is_some_and(|before| before.kind == scan::Kind::Mark(b'.'));
    match WORDS.iter().find(|(word, _)| token.is(word)) {
        Some((_, kinds)) if !qualified => facts
            .statements
            .iter()
            .flat_map(|statement| &statement.effects)
            .any(|effect| kinds.contains(&effect.kind)),
        _ => true,
    }
}
