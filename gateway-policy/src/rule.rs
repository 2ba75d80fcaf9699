//! One rule: who, where, what, and whether that is allowed or denied.

mod matching;

use alloc::sync::Arc;
use alloc::vec::Vec;

pub use crate::action::{Actions, UnknownAction};
use crate::approval::Terms;
use crate::facts::Power;
use crate::judge::RuleName;
use crate::limits::Limits;
pub use crate::pattern::{Pattern, PatternError, QualifiedPattern};
use crate::person::Person;
use crate::when::When;
use crate::words::words;

pub(crate) use matching::{Certainty, That, Things};

/// A rule as it is written. An empty list is no restriction, unless its field says otherwise.
#[derive(Debug, Clone)]
pub struct Rule {
    pub name: RuleName,
    pub stance: Stance,
    pub mode: Mode,
    pub agents: Vec<Pattern>,
    /// The people that the agent acts for, by their subjects.
    pub people: Vec<Pattern>,
    /// Groups, of which the person is in at least one.
    pub groups: Vec<Pattern>,
    pub targets: Vec<Pattern>,
    pub databases: Vec<Pattern>,
    pub what: Actions,
    pub on: Scope,
    /// What must hold for it to be allowed; what spares it from being held or denied.
    pub conditions: Vec<Condition>,
    /// What must be true for it to hold. Where that is not known, it denies and does not allow.
    pub when: Option<When>,
    /// What the permits that rest on it are bounded by.
    pub limits: Limits,
    /// Of a rule that holds: who is to be asked. Without, nobody can say yes.
    pub terms: Option<Arc<Terms>>,
}

/// Which things a rule is about. With no list of things it is about all of them; with one list it is about these and
/// nothing of another sort: a rule that names tables says nothing about settings.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Narrows tables, functions and everything else that lives in a schema.
    pub schemas: Vec<Pattern>,
    pub tables: Vec<QualifiedPattern>,
    /// Narrows what is done to columns.
    pub columns: Vec<Pattern>,
    pub functions: Vec<QualifiedPattern>,
    pub settings: Vec<Pattern>,
    /// What functions can do beyond computing.
    pub powers: Vec<Power>,
}

words! {
    /// Whether a rule opens or closes. Closing beats holding, holding beats opening; what no rule opens is closed.
    pub enum Stance {
        Allow = "allow",
        /// It closes until people have said yes, and then opens.
        Hold = "hold",
        Deny = "deny",
    }
}

words! {
    /// Whether a denial takes effect.
    pub enum Mode {
        Enforce = "enforce",
        /// What would be denied is recorded, and goes on.
        Observe = "observe",
    }
}

words! {
    /// Something a statement must have.
    pub enum Condition {
        /// An update or delete is held to some of the rows, a truncate never is.
        Where = "where",
        /// The number of rows of the result is bounded by the statement itself.
        Limit = "limit",
        /// The transaction that it runs in cannot write.
        ReadOnly = "read-only transaction",
        /// The leave to connect says what it is for.
        Purpose = "purpose",
    }
}

/// Who is asking, and of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    pub agent: &'a str,
    /// For whom the agent acts, if that is known.
    pub person: Option<&'a Person>,
    pub target: &'a str,
    pub database: &'a str,
}
