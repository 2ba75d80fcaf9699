//! The facts that expressions can name, and the words that each of them can be.

use crate::facts::Kind;
use crate::words::words;

words! {
    /// Something that is known of a command.
    pub enum Fact {
        Agent = "agent",
        /// Whom the agent acts for, as the identity provider calls them. Not known where nobody has proved who they are.
        Person = "person",
        /// The groups that the person is in.
        Groups = "groups",
        Target = "target",
        Database = "database",
        /// What the statement does, one word for each way in which it acts.
        Kinds = "kinds",
        /// The tables and views of the statement, each with its schema: `public.orders`.
        Tables = "tables",
        Schemas = "schemas",
        /// The columns that are read, written or in conditions.
        Columns = "columns",
        /// The functions that are called, each with its schema.
        Functions = "functions",
        /// Whether each update, delete and truncate of the statement is held to some of the rows.
        HasWhere = "has_where",
        /// How many rows the result can have at most; without a bound the largest number there is.
        Limit = "limit",
        /// How many statements the message has.
        Statements = "statements",
        /// How many parameters the statement uses.
        Parameters = "parameters",
        /// The time of the day in UTC: `09:30`.
        Time = "time",
        /// The date in UTC: `2026-03-31`.
        Date = "date",
        /// The day of the week in UTC: `monday`.
        Weekday = "weekday",
        /// The session's transaction before the command: `none`, `open` or `failed`.
        Transaction = "transaction",
        /// What the leave to connect is for, in the words of whoever asked for it.
        Purpose = "purpose",
        /// Of a statement that begins a transaction or sets one up: `read only`, `read write`, or the empty text.
        Access = "access",
        /// Of such a statement: `read committed`, `repeatable read`, `serializable` and so on, or the empty text.
        Isolation = "isolation",
    }
}

/// What sort of value something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Truth,
    Number,
    Text(Vocabulary),
    List(Vocabulary),
}

/// Which texts can be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    Any,
    Kinds,
    Times,
    Dates,
    Weekdays,
    Transactions,
    Accesses,
    Isolations,
}

pub(super) const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// The last is what a statement says that says nothing.
pub(super) const ACCESSES: [&str; 3] = ["read only", "read write", ""];
pub(super) const ISOLATIONS: [&str; 5] =
    ["read uncommitted", "read committed", "repeatable read", "serializable", ""];
pub(super) const TRANSACTIONS: [&str; 3] = ["none", "open", "failed"];

impl Fact {
    /// Whether it may be another one for the next command of the same text.
    pub(super) const fn is_momentary(self) -> bool {
        matches!(self, Self::Time | Self::Date | Self::Weekday | Self::Transaction | Self::Purpose)
    }

    pub(super) const fn sort(self) -> Sort {
        match self {
            Self::Agent | Self::Person | Self::Target | Self::Database | Self::Purpose => {
                Sort::Text(Vocabulary::Any)
            }
            Self::Kinds => Sort::List(Vocabulary::Kinds),
            Self::Groups | Self::Tables | Self::Schemas | Self::Columns | Self::Functions => {
                Sort::List(Vocabulary::Any)
            }
            Self::HasWhere => Sort::Truth,
            Self::Limit | Self::Statements | Self::Parameters => Sort::Number,
            Self::Time => Sort::Text(Vocabulary::Times),
            Self::Date => Sort::Text(Vocabulary::Dates),
            Self::Weekday => Sort::Text(Vocabulary::Weekdays),
            Self::Transaction => Sort::Text(Vocabulary::Transactions),
            Self::Access => Sort::Text(Vocabulary::Accesses),
            Self::Isolation => Sort::Text(Vocabulary::Isolations),
        }
    }
}

impl Vocabulary {
    /// Whether a text can be meant at all.
    pub(super) fn has(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Kinds => Kind::from_word(text).is_some(),
            Self::Times => is_time(text),
            Self::Dates => is_date(text),
            Self::Weekdays => WEEKDAYS.contains(&text),
            Self::Transactions => TRANSACTIONS.contains(&text),
            Self::Accesses => ACCESSES.contains(&text),
            Self::Isolations => ISOLATIONS.contains(&text),
        }
    }

    /// Whether one of its texts can be before another.
    pub(super) const fn is_ordered(self) -> bool {
        matches!(self, Self::Times | Self::Dates)
    }

    /// How its texts are written.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Any => "a text",
            Self::Kinds => "a kind of action such as \"select\" or \"delete\"",
            Self::Times => "a time such as \"09:30\"",
            Self::Dates => "a date such as \"2026-03-31\"",
            Self::Weekdays => "a day such as \"monday\"",
            Self::Transactions => "\"none\", \"open\" or \"failed\"",
            Self::Accesses => "\"read only\", \"read write\" or \"\"",
            Self::Isolations => "an isolation such as \"serializable\", or \"\"",
        }
    }
}

/// Two digits each, so that later is greater.
fn is_time(text: &str) -> bool {
    matches!(numbers(text, ':', &[2, 2]), Some([0..=23, 0..=59, _]))
}

fn is_date(text: &str) -> bool {
    matches!(numbers(text, '-', &[4, 2, 2]), Some([_, 1..=12, 1..=31]))
}

/// As many numbers as there are lengths, each with so many digits.
fn numbers(text: &str, between: char, lengths: &[usize]) -> Option<[u32; 3]> {
    let mut found = [0; 3];
    let mut parts = text.split(between);
    for (place, length) in found.iter_mut().zip(lengths) {
        let part = parts.next().filter(|part| part.len() == *length)?;
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        *place = part.parse().ok().filter(|_| digits)?;
    }
    parts.next().is_none().then_some(found)
}
