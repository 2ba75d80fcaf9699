//! Rules and effects in one line of text, so that the truth table can be read across.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::facts::Power;
use crate::facts::*;
use crate::rule::{Actions, Condition, Mode, Pattern, QualifiedPattern, Rule, Scope, Stance};

/// Rules with `;` between them, called `r0`, `r1` and so on.
pub(super) fn rules(text: &str) -> Vec<Rule> {
    text.split(';').enumerate().map(|(index, text)| rule(&format!("r{index}"), text.trim())).collect()
}

/// `deny update,delete tables=public.* unless=where`: spaces in words are written as `_`.
fn rule(name: &str, text: &str) -> Rule {
    let mut words = text.split(' ');
    let (stance, mode) = match words.next() {
        Some("allow") => (Stance::Allow, Mode::Enforce),
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
    };
    for word in items(words.next().expect("what")) {
        rule.what.add(&word).unwrap_or_else(|_| panic!("{word:?} is no action"));
    }
    words.for_each(|word| narrow(&mut rule, word));
    rule
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
        "require" | "unless" => {
            let condition = |word: &String| Condition::from_word(word).expect("a condition");
            rule.conditions = items(values).iter().map(condition).collect();
        }
        other => panic!("{other:?} is no key"),
    }
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
        ["label", label] => On::Label((*label).to_owned()),
        other => panic!("{other:?} is no thing"),
    }
}

fn name(text: &str) -> Name {
    match text.split_once('.') {
        Some((schema, name)) => Name { schema: Schema::Known(schema.to_owned()), name: name.to_owned() },
        None => Name { schema: Schema::Unresolved, name: text.to_owned() },
    }
}
