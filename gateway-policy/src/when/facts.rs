//! The facts of one statement, as expressions ask for them.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;

use super::Circumstances;
use super::fact::{Fact, TRANSACTIONS, WEEKDAYS};
use crate::command::Transaction;
use crate::facts::{
    Columns, Effect, Isolation, Kind, Limit, Name, ObjectKind, On, Restriction, Schema, Statement,
    TransactionAccess, TransactionModes,
};
use crate::person::Person;
use crate::rule::{Certainty, Things};

/// So many items of a list are looked at. The rest counts as not known.
const MOST_ITEMS: usize = 1000;

/// One statement, with who sends it, where to and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) agent: &'a str,
    pub(crate) person: Option<&'a Person>,
    pub(crate) target: &'a str,
    pub(crate) database: &'a str,
    /// How many statements the message has.
    pub(crate) statements: usize,
    pub(crate) statement: &'a Statement,
    pub(crate) circumstances: Circumstances<'a>,
}

impl<'a> Asked<'a> {
    /// Whether the statement is sure to run where nothing can be written.
    pub(crate) fn is_read_only(&self) -> bool {
        self.circumstances.access == Some(TransactionAccess::ReadOnly)
    }

    pub(super) fn truth(&self, fact: Fact) -> Certainty {
        match fact {
            Fact::HasWhere => self.statement.effects.iter().map(is_held).min().unwrap_or(Certainty::Yes),
            _ => Certainty::Maybe,
        }
    }

    pub(super) fn number(&self, fact: Fact) -> Option<i64> {
        let count = |count: usize| i64::try_from(count).ok();
        match fact {
            Fact::Limit => match self.statement.limit {
                Limit::None => Some(i64::MAX),
                Limit::Rows(rows) => Some(i64::try_from(rows).unwrap_or(i64::MAX)),
                Limit::Unknown => None,
            },
            Fact::Statements => count(self.statements),
            Fact::Parameters => count(self.statement.parameters.len()),
            _ => None,
        }
    }

    pub(super) fn text(&self, fact: Fact) -> Option<Cow<'a, str>> {
        let now = || self.circumstances.now;
        match fact {
            Fact::Agent => Some(Cow::Borrowed(self.agent)),
            Fact::Person => self.person.map(|person| Cow::Borrowed(person.subject.as_str())),
            Fact::Target => Some(Cow::Borrowed(self.target)),
            Fact::Database => Some(Cow::Borrowed(self.database)),
            Fact::Purpose => self.circumstances.purpose.map(Cow::Borrowed),
            Fact::Access => {
                self.modes().access.map(access_word).map(Cow::Borrowed).or(Some(Cow::Borrowed(UNSAID)))
            }
            Fact::Isolation => {
                self.modes().isolation.map(isolation_word).map(Cow::Borrowed).or(Some(Cow::Borrowed(UNSAID)))
            }
            Fact::Time => now().map(|now| Cow::Owned(time(now))),
            Fact::Date => now().map(|now| Cow::Owned(date(now))),
            Fact::Weekday => now().and_then(weekday).map(Cow::Borrowed),
            Fact::Transaction => {
                let [none, open, failed] = TRANSACTIONS;
                self.circumstances.transaction.map(|transaction| {
                    Cow::Borrowed(match transaction {
                        Transaction::None => none,
                        Transaction::Open => open,
                        Transaction::Failed => failed,
                    })
                })
            }
            _ => None,
        }
    }

    /// What the statement asks of its transaction.
    fn modes(&self) -> TransactionModes {
        let of = |effect: &Effect| match &effect.on {
            On::Transaction(modes) => Some(*modes),
            _ => None,
        };
        self.statement.effects.iter().take(MOST_ITEMS).find_map(of).unwrap_or_default()
    }

    /// Shows every item of a list that is known. Returns whether these are all.
    pub(super) fn each(&self, fact: Fact, see: &mut dyn FnMut(&str)) -> bool {
        if fact == Fact::Groups {
            let Some(person) = self.person else { return false };
            person.groups.iter().take(MOST_ITEMS).for_each(|group| see(group));
            return person.groups.len() <= MOST_ITEMS;
        }
        let mut seen = 0;
        let mut whole = true;
        let mut see = |item: &str| {
            if seen < MOST_ITEMS {
                see(item);
            }
            seen += 1;
        };
        for effect in self.statement.effects.iter().take(MOST_ITEMS) {
            whole &= match fact {
                Fact::Kinds => {
                    see(effect.kind.word());
                    true
                }
                Fact::Tables => table(effect).is_none_or(|name| qualified(name, &mut see)),
                Fact::Functions => function(effect).is_none_or(|name| qualified(name, &mut see)),
                Fact::Schemas => schema(effect, &mut see),
                Fact::Columns => columns(effect, &mut see),
                _ => false,
            };
        }
        whole && seen <= MOST_ITEMS && self.statement.effects.len() <= MOST_ITEMS
    }
}

/// What a statement says that says nothing of its transaction.
const UNSAID: &str = "";

const fn access_word(access: TransactionAccess) -> &'static str {
    match access {
        TransactionAccess::ReadOnly => "read only",
        TransactionAccess::ReadWrite => "read write",
    }
}

const fn isolation_word(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::ReadUncommitted => "read uncommitted",
        Isolation::ReadCommitted => "read committed",
        Isolation::RepeatableRead => "repeatable read",
        Isolation::Serializable => "serializable",
    }
}

fn is_held(effect: &Effect) -> Certainty {
    match (effect.kind, effect.restriction) {
        (Kind::Update | Kind::Delete | Kind::Truncate, Restriction::Restricts) => Certainty::Yes,
        (Kind::Update | Kind::Delete | Kind::Truncate, Restriction::Unknown) => Certainty::Maybe,
        (Kind::Update | Kind::Delete | Kind::Truncate, Restriction::Absent | Restriction::AlwaysTrue) => {
            Certainty::No
        }
        _ => Certainty::Yes,
    }
}

fn table(effect: &Effect) -> Option<&Name> {
    match Things::of(effect) {
        Things::Table(name) => Some(name),
        _ => None,
    }
}

fn function(effect: &Effect) -> Option<&Name> {
    match &effect.on {
        On::Function(function) => Some(&function.name),
        _ => None,
    }
}

/// Returns whether the name is known as a whole.
fn qualified(name: &Name, see: &mut dyn FnMut(&str)) -> bool {
    match &name.schema {
        Schema::Known(schema) => see(&format!("{schema}.{}", name.name)),
        Schema::None => see(&name.name),
        Schema::Unresolved => return false,
    }
    true
}

fn schema(effect: &Effect, see: &mut dyn FnMut(&str)) -> bool {
    let name = match &effect.on {
        On::Object(ObjectKind::Schema, name) => {
            see(&name.name);
            return true;
        }
        On::Relation(name) | On::Object(_, name) => name,
        On::Function(function) => &function.name,
        On::Nothing | On::Setting(_) | On::Label(_) | On::Transaction(_) => return true,
    };
    match &name.schema {
        Schema::Known(schema) => see(schema),
        Schema::None => (),
        Schema::Unresolved => return false,
    }
    true
}

fn columns(effect: &Effect, see: &mut dyn FnMut(&str)) -> bool {
    match &effect.columns {
        Columns::None => true,
        Columns::These(names) => {
            names.iter().for_each(|name| see(name));
            true
        }
        Columns::All | Columns::Unknown => false,
    }
}

const DAY: u64 = 24 * 60 * 60;

fn time(now: u64) -> String {
    let minutes = now % DAY / 60;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// 1970 began on a Thursday.
fn weekday(now: u64) -> Option<&'static str> {
    let day = usize::try_from((now / DAY + 3) % 7).ok()?;
    WEEKDAYS.get(day).copied()
}

/// The proleptic Gregorian calendar, counted in eras of 400 years that begin with March, so that the leap day is the
/// last of a year.
fn date(now: u64) -> String {
    const ERA: u64 = 146_097;
    // From the first of March of the year 0 to the beginning of 1970.
    let days = now / DAY + 719_468;
    let (era, of_era) = (days / ERA, days % ERA);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / (ERA - 1)) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    if year > 9999 { "9999-12-31".to_owned() } else { format!("{year:04}-{month:02}-{day:02}") }
}
