//! Reasons for a no, and how each is put into words for the agent. It hears what it did and what it might do instead;
//! names come from its own statement, never from the rules.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::facts::{Columns, Effect, Kind, Limit, Name, On, Restriction, Schema, Statement, Unknown};
use crate::judge::{Because, Denial};
use crate::policy::Jurisdiction;
use crate::rule::{Condition, Rule};

/// What a hint offers, if it is allowed.
const OFFERED: [Kind; 5] = [Kind::Select, Kind::Insert, Kind::Update, Kind::Delete, Kind::Truncate];
/// Names in a message are cut after this many characters.
const NAME_SHOWN: usize = 130;

/// What a rule says of one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Denies,
    /// It waits for people to say yes.
    Holds,
    /// It would hold, were it not for what the statement has.
    SparesHold,
    /// It would deny, were it not for what the statement has.
    Spares,
    Allows,
    /// It allows some columns.
    AllowsColumns,
    /// It would allow, if this were there.
    Lacks(Condition),
    /// It would allow, if the schema were known to be the right one.
    MightAllow,
    /// What it says of the circumstances is not true.
    DoesNotHold,
    /// Whether what it says of the circumstances is true is not known, so it allows nothing.
    MightHold,
}

/// Why an effect is not allowed.
pub(crate) enum No<'a> {
    Rule(&'a Rule),
    /// Nobody is there to say yes, or nobody was asked.
    Held(&'a Rule),
    NothingAllows,
    Unresolved,
    Condition(&'a Rule, Condition),
    /// A rule would allow it if other things were true.
    When(&'a Rule),
    /// Nothing is allowed in a transaction that can write.
    Writable,
    Column(&'a str),
    AllColumns,
    Unknown(&'a Unknown),
}

impl No<'_> {
    /// The reason that helps more: the first one that is not just that nothing allows it.
    pub(crate) fn or(self, other: Self) -> Self {
        if matches!(self, Self::NothingAllows) { other } else { self }
    }

    pub(crate) fn denial(&self, jurisdiction: &Jurisdiction, effect: Option<&Effect>) -> Denial {
        let what = effect.map_or_else(String::new, described);
        let hint = || effect.and_then(|effect| offer(jurisdiction, effect));
        let (message, hint, because) = match self {
            Self::Rule(rule) => {
                let because = Because::Rule(Arc::clone(&rule.name));
                match rule.conditions.first() {
                    Some(condition) => needs(&what, *condition, because),
                    None => (format!("{what} is denied"), hint(), because),
                }
            }
            Self::Held(rule) => {
                (format!("{what} needs approval"), hint(), Because::Rule(Arc::clone(&rule.name)))
            }
            Self::NothingAllows => (format!("{what} is not allowed"), hint(), Because::NothingAllows),
            Self::Unresolved => {
                let hint = "write its schema in front of the name".to_owned();
                let message = format!("{what} is not allowed, since it is not known which schema is meant");
                (message, Some(hint), Because::NothingAllows)
            }
            Self::Condition(rule, condition) => {
                needs(&what, *condition, Because::Condition(Arc::clone(&rule.name)))
            }
            Self::When(rule) => {
                let message = format!("{what} is not allowed as things are");
                (message, None, Because::Condition(Arc::clone(&rule.name)))
            }
            Self::Writable => {
                let message = format!("{what} of a transaction that can write is not allowed");
                (message, Some("begin it with READ ONLY".to_owned()), Because::NothingAllows)
            }
            Self::Column(column) => {
                (format!("column {} of {what} is not allowed", quoted(column)), None, Because::NothingAllows)
            }
            Self::AllColumns => {
                let hint = "name the columns; some of them are allowed".to_owned();
                (format!("every column of {what} is not allowed"), Some(hint), Because::NothingAllows)
            }
            Self::Unknown(unknown) => undetermined(unknown),
        };
        Denial { message, hint, because }
    }
}

fn needs(what: &str, condition: Condition, because: Because) -> (String, Option<String>, Because) {
    let (message, hint) = match condition {
        Condition::Where => (
            format!("{what} needs a WHERE clause that selects rows"),
            "add a condition that depends on the row; `true` and `1 = 1` do not",
        ),
        Condition::Limit => (format!("{what} needs a LIMIT"), "add LIMIT with a number"),
        Condition::ReadOnly => {
            (format!("{what} needs a transaction that is read-only"), "begin it with BEGIN READ ONLY first")
        }
        Condition::Purpose => (
            format!("{what} needs a lease that says what it is for"),
            "ask whoever runs this agent for a lease with a purpose",
        ),
    };
    (message, Some(hint.to_owned()), because)
}

fn undetermined(unknown: &Unknown) -> (String, Option<String>, Because) {
    let about = unknown.about.as_ref().map(|name| format!(": {}", quoted(name))).unwrap_or_default();
    let message = format!("the statement {}{about}", unknown.reason.sentence());
    (message, None, Because::Unknown(unknown.reason))
}

/// What the agent may do with the same table.
fn offer(jurisdiction: &Jurisdiction, effect: &Effect) -> Option<String> {
    let On::Relation(name) = &effect.on else { return None };
    let allowed = |kind: &&Kind| {
        let mut probe = Effect::new(**kind, effect.on.clone());
        probe.columns = Columns::These(Vec::new());
        probe.restriction = Restriction::Restricts;
        let effects = [probe].into();
        let statement = Statement { effects, limit: Limit::Rows(0), ..Statement::default() };
        jurisdiction.would_allow(&statement)
    };
    let words: Vec<&str> = OFFERED.iter().filter(allowed).map(|kind| kind.word()).collect();
    Some(match words.as_slice() {
        [] => format!("nothing is allowed on {}", full_name(name)),
        words => format!("allowed on {}: {}", full_name(name), words.join(", ")),
    })
}

/// The effect in words: `delete on "orders"`, `drop table "orders"`.
pub(crate) fn described(effect: &Effect) -> String {
    let kind = effect.kind.word();
    match &effect.on {
        On::Nothing | On::Transaction(_) => kind.to_owned(),
        On::Relation(name) => format!("{kind} on {}", full_name(name)),
        On::Object(object, name) if name.name.is_empty() => format!("{kind} {object}"),
        On::Object(object, name) => format!("{kind} {object} {}", full_name(name)),
        On::Function(function) => format!("{kind} {}", full_name(&function.name)),
        On::Setting(setting) => format!("{kind} {}", quoted(&setting.name)),
        On::Label(label) => format!("{kind} {}", quoted(label)),
    }
}

fn full_name(name: &Name) -> String {
    match &name.schema {
        Schema::Known(schema) => quoted(&format!("{schema}.{}", name.name)),
        Schema::Unresolved | Schema::None => quoted(&name.name),
    }
}

/// A name of the agent's, so that it can neither end the message nor fill it.
fn quoted(name: &str) -> String {
    // Marks that turn the direction of writing are neither letters nor ASCII.
    let is_plain = |character: char| {
        character.is_alphanumeric() || character.is_ascii() && !character.is_control() && character != '"'
    };
    let plain = |character: char| if is_plain(character) { character } else { '?' };
    let shown: String = name.chars().take(NAME_SHOWN).map(plain).collect();
    let rest = if name.chars().nth(NAME_SHOWN).is_some() { "…" } else { "" };
    format!("\"{shown}{rest}\"")
}
