//! Rules and effects in one line of text, so that the truth table can be read across.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU16;
use core::time::Duration;

use crate::approval::{Meanwhile, Terms, Voice};
use crate::command::Transaction;
use crate::facts::Power;
use crate::facts::*;
use crate::limits::Limits;
use crate::rule::{Actions, Condition, Mode, Pattern, QualifiedPattern, Rule, Scope, Stance};
use crate::when::{Circumstances, Comparison, Expr, Fact, When};

/// Rules with `;` between them, called `r0`, `r1` and so on.
pub(super) fn rules(text: &str) -> Vec<Rule> {
    text.split(';').enumerate().map(|(index, text)| rule(&format!("r{index}"), text.trim())).collect()
}

/// `deny update,delete tables=public.* unless=where`: spaces in words are written as `_`.
fn rule(name: &str, text: &str) -> Rule {
    let mut words = text.split(' ');
    let (stance, mode) = match words.next() {
        Some("allow") => (Stance::Allow, Mode::Enforce),
        Some("hold") => (Stance::Hold, Mode::Enforce),
        Some("deny") => (Stance::Deny, Mode::Enforce),
        Some("observe") => (Stance::Deny, Mode::Observe),
        other => panic!("{other:?} is no stance"),
    };
    let mut rule = Rule {
        name: name.into(),
        stance,
        mode,
        agents: Vec::new(),
        people: Vec::new(),
        groups: Vec::new(),
        targets: Vec::new(),
        databases: Vec::new(),
        what: Actions::default(),
        on: Scope::default(),
        conditions: Vec::new(),
        when: None,
        limits: Limits::default(),
        terms: (stance == Stance::Hold).then(terms),
    };
    for word in items(words.next().expect("what")) {
        rule.what.add(&word).unwrap_or_else(|_| panic!("{word:?} is no action"));
    }
    words.for_each(|word| narrow(&mut rule, word));
    rule
}

/// Anybody may say yes, and one is enough.
fn terms() -> Arc<Terms> {
    let minute = Duration::from_secs(60);
    Arc::new(Terms {
        approvers: [Voice::Anyone].into(),
        quorum: NonZeroU16::MIN,
        wait: minute,
        escalation: None,
        reaches: Vec::new(),
        lasts: minute,
        meanwhile: Meanwhile::Waits,
    })
}

fn narrow(rule: &mut Rule, word: &str) {
    let (key, values) = word.split_once('=').expect("key=values");
    let patterns = || items(values).iter().map(|text| Pattern::parse(text).expect("a pattern")).collect();
    let qualified =
        || items(values).iter().map(|text| QualifiedPattern::parse(text).expect("a pattern")).collect();
    match key {
        "agents" => rule.agents = patterns(),
        "people" => rule.people = patterns(),
        "groups" => rule.groups = patterns(),
        "targets" => rule.targets = patterns(),
        "databases" => rule.databases = patterns(),
        "schemas" => rule.on.schemas = patterns(),
        "tables" => rule.on.tables = qualified(),
        "columns" => rule.on.columns = patterns(),
        "functions" => rule.on.functions = qualified(),
        "settings" => rule.on.settings = patterns(),
        "powers" => rule.on.powers = powers(values),
        "when" => rule.when = Some(when(values)),
        "rows" => rule.limits.rows = Some(values.parse().expect("a number")),
        "require" | "unless" => {
            let condition = |word: &String| Condition::from_word(word).expect("a condition");
            rule.conditions = items(values).iter().map(condition).collect();
        }
        other => panic!("{other:?} is no key"),
    }
}

/// `select:kinds&!limit<=10/agent=coder`: `:` is in, `&` binds more than `/`, which is or.
fn when(text: &str) -> When {
    let both = |left, right| Expr::And(Box::new(left), Box::new(right));
    let either = |left, right| Expr::Or(Box::new(left), Box::new(right));
    let all = |part: &str| part.split('&').map(term).reduce(both).expect("a term");
    When::new(text.split('/').map(all).reduce(either).expect("a part")).expect("it fits together")
}

fn term(text: &str) -> Expr {
    if let Some(rest) = text.strip_prefix('!') {
        return Expr::Not(Box::new(term(rest)));
    }
    let fact = |word: &str| Fact::from_word(word).map(|fact| Box::new(Expr::Fact(fact))).expect("a fact");
    if let Some((word, list)) = text.split_once(':').filter(|_| !text.contains('=')) {
        return Expr::In(Box::new(Expr::Text(word.replace('_', " "))), fact(list));
    }
    let comparisons = [("<=", Comparison::AtMost), (">=", Comparison::AtLeast), ("=", Comparison::Equal)];
    for (sign, comparison) in comparisons {
        if let Some((left, right)) = text.split_once(sign) {
            let right = match right.parse() {
                Ok(number) => Expr::Number(number),
                Err(_) => Expr::Text(right.replace('_', " ")),
            };
            return Expr::Compare(comparison, fact(left), Box::new(right));
        }
    }
    *fact(&text.replace('-', "_"))
}

/// `monday_09:30 open readonly purpose=audit`, in any order, or `nothing`.
pub(super) fn circumstances(text: &str) -> Circumstances<'_> {
    let mut said = Circumstances::default();
    for word in text.split(' ') {
        match word.split_once('=').unwrap_or((word, "")) {
            ("nothing", _) => (),
            ("none", _) => said.transaction = Some(Transaction::None),
            ("open", _) => said.transaction = Some(Transaction::Open),
            ("failed", _) => said.transaction = Some(Transaction::Failed),
            ("readonly", _) => said.access = Some(TransactionAccess::ReadOnly),
            ("purpose", purpose) => said.purpose = Some(purpose),
            (moment, _) => said.now = Some(seconds(moment)),
        }
    }
    said
}

/// In the first whole week of 1970, whose Monday was the fifth of January.
fn seconds(moment: &str) -> u64 {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let (day, time) = moment.split_once('_').expect("a day and a time");
    let day = DAYS.iter().position(|name| *name == day).expect("a day") as u64;
    let (hours, minutes) = time.split_once(':').expect("hours and minutes");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    ((4 + day) * 24 + number(hours)) * 3600 + number(minutes) * 60
}

fn items(list: &str) -> Vec<String> {
    list.split(',').map(|word| word.replace('_', " ")).map(|word| word.replace('~', "_")).collect()
}

fn powers(list: &str) -> Vec<Power> {
    items(list).iter().map(|word| Power::from_word(word).expect("a power")).collect()
}

/// `delete; table public.orders; where columns=a,b`: kind, thing, and what else is known.
pub(super) fn effect_and_statement(text: &str) -> Statement {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().and_then(Kind::from_word).unwrap_or_else(|| panic!("no kind: {text}"));
    let mut effect = Effect::new(kind, thing(parts.next().expect("a thing")));
    let mut statement = Statement::default();
    for word in parts.next().unwrap_or_default().split(' ') {
        match word.split_once('=').unwrap_or((word, "")) {
            ("", _) => (),
            ("where", _) => effect.restriction = Restriction::Restricts,
            ("always", _) => effect.restriction = Restriction::AlwaysTrue,
            ("where?", _) => effect.restriction = Restriction::Unknown,
            ("limit", _) => statement.limit = Limit::Rows(10),
            ("limit?", _) => statement.limit = Limit::Unknown,
            ("columns", "*") => effect.columns = Columns::All,
            ("columns", "?") => effect.columns = Columns::Unknown,
            ("columns", "") => effect.columns = Columns::These(Vec::new()),
            ("columns", names) => effect.columns = Columns::These(items(names)),
            (other, _) => panic!("{other:?} says nothing of an effect"),
        }
    }
    statement.effects.push(effect);
    statement
}

fn thing(text: &str) -> On {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["nothing"] => On::Nothing,
        ["table", table] => On::Relation(name(table)),
        ["object", kind, object] => {
            let kind = ObjectKind::from_word(&kind.replace('_', " ")).expect("a kind of object");
            let schemaless = Name { schema: Schema::None, name: (*object).to_owned() };
            let lives_in_schema =
                !matches!(kind, ObjectKind::Schema | ObjectKind::Role | ObjectKind::Extension);
            On::Object(kind, if lives_in_schema { name(object) } else { schemaless })
        }
        ["function", function, nature, rest @ ..] => {
            let nature = match *nature {
                "harmless" => Nature::Harmless,
                "unknown" => Nature::Unknown,
                list => Nature::Powers(powers(list)),
            };
            let arguments = rest.iter().map(|text| Argument::Constant((*text).to_owned())).collect();
            On::Function(Function { name: name(function), nature, arguments })
        }
        ["setting", setting, value @ ..] => {
            let value = value.first().map(|value| (*value).to_owned());
            On::Setting(Setting { name: (*setting).to_owned(), value })
        }
        ["transaction", words @ ..] => On::Transaction(modes(words)),
        ["label", label] => On::Label((*label).to_owned()),
        other => panic!("{other:?} is no thing"),
    }
}

fn modes(words: &[&str]) -> TransactionModes {
    let mut modes = TransactionModes::default();
    for word in words {
        match *word {
            "ro" => modes.access = Some(TransactionAccess::ReadOnly),
            "rw" => modes.access = Some(TransactionAccess::ReadWrite),
            "serializable" => modes.isolation = Some(Isolation::Serializable),
            other => panic!("{other:?} is no mode"),
        }
    }
    modes
}

fn name(text: &str) -> Name {
    match text.split_once('.') {
        Some((schema, name)) => Name { schema: Schema::Known(schema.to_owned()), name: name.to_owned() },
        None => Name { schema: Schema::Unresolved, name: text.to_owned() },
    }
}
