//! The least rules that allow some effects.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gateway_policy::facts::{
    Columns, Effect, Facts, Kind, Name, ObjectKind, On, Restriction, Schema, Statement,
};
use gateway_policy::judge::Verdict;
use gateway_policy::policy::{Jurisdiction, Policy};
use gateway_policy::rule::{self, Pattern};

use crate::cli::policy::court::Subject;
use crate::config;

/// A column that every table has and that says nothing, for statements that touch no column: a rule without columns
/// would open all of them.
const NO_COLUMN: &str = "tableoid";

/// Keys of a rule with the names behind them.
type Keys = Vec<(&'static str, Vec<String>)>;

/// What has to be allowed.
#[derive(Debug, Default)]
pub struct Cover {
    rows: BTreeMap<(String, Kind), Rows>,
    /// Actions, each with the key of a rule and the names in it.
    others: BTreeMap<(&'static str, String), BTreeSet<String>>,
}

/// How the rows of one table are used by one kind of action.
#[derive(Debug)]
struct Rows {
    columns: BTreeSet<String>,
    reach: Reach,
    /// Every one had a condition that depends on the row.
    restricted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    TheseColumns,
    EveryColumn,
}

impl Cover {
    pub fn add(&mut self, facts: &Facts) {
        // What is not known, no rule allows.
        let known = facts.statements.iter().filter(|statement| statement.unknowns.is_empty());
        for effect in known.flat_map(|statement| &statement.effects).filter(|effect| needs_a_rule(effect)) {
            self.add_effect(effect);
        }
    }

    fn add_effect(&mut self, effect: &Effect) {
        let kind = effect.kind.word();
        match &effect.on {
            On::Relation(name) => {
                if let Some(table) = pattern(name) {
                    self.add_rows(table, effect);
                }
            }
            On::Object(ObjectKind::Schema, name) => {
                self.add_other("schemas", format!("{kind} schema"), plain(&name.name));
            }
            On::Object(object, name) => {
                let words = format!("{kind} {object}");
                match (&name.schema, is_table_like(*object)) {
                    (_, true) => self.add_other("tables", words, pattern(name)),
                    (Schema::Known(schema), false) => self.add_other("schemas", words, plain(schema)),
                    (Schema::Unresolved | Schema::None, false) => self.add_other("", words, None),
                }
            }
            On::Function(function) => {
                self.add_other("functions", kind.to_owned(), pattern(&function.name));
            }
            On::Setting(setting) => self.add_other("settings", kind.to_owned(), plain(&setting.name)),
            On::Nothing | On::Label(_) | On::Transaction(_) => self.add_other("", kind.to_owned(), None),
        }
    }

    fn add_rows(&mut self, table: String, effect: &Effect) {
        let fresh = || Rows { columns: BTreeSet::new(), reach: Reach::TheseColumns, restricted: true };
        let rows = self.rows.entry((table, effect.kind)).or_insert_with(fresh);
        rows.restricted &= effect.restriction == Restriction::Restricts;
        match &effect.columns {
            Columns::These(names) => rows.columns.extend(names.iter().filter_map(|name| plain(name))),
            Columns::None | Columns::All | Columns::Unknown => rows.reach = Reach::EveryColumn,
        }
    }

    /// A key without a name would say something of every thing, so it is left to be not covered.
    fn add_other(&mut self, key: &'static str, words: String, name: Option<String>) {
        match name {
            Some(name) => drop(self.others.entry((key, words)).or_default().insert(name)),
            None if key.is_empty() => drop(self.others.entry((key, words)).or_default()),
            None => (),
        }
    }

    /// As they are written in a configuration. `number` counts the rules of all subjects.
    pub fn rules(&self, subject: &Subject, number: &mut usize) -> String {
        let mut bodies: BTreeMap<Keys, BTreeSet<String>> = BTreeMap::new();
        for (words, keys) in self.tables().into_iter().chain(self.things()) {
            bodies.entry(keys).or_default().extend(words);
        }
        let Subject { agent, person, target, database } = subject;
        let nobody = String::new();
        let person = person.as_ref().map_or(&nobody, |one| &one.subject);
        let mut text = String::new();
        for (keys, what) in &bodies {
            *number += 1;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "[rules.{agent}-{target}-{number}]");
            let head = [("agents", agent), ("people", person), ("targets", target), ("databases", database)];
            for (key, name) in head.into_iter().filter(|(_, name)| !name.is_empty()) {
                let _ = writeln!(text, "{key} = {}", quoted(name));
            }
            let what: Vec<String> = what.iter().cloned().collect();
            let _ = writeln!(text, "effect = \"allow\"\nwhat = {}", list(&what));
            for (key, names) in keys {
                let _ = writeln!(text, "{key} = {}", list(names));
            }
            text.push('\n');
        }
        text
    }

    /// Tables that are used in the same way share a rule.
    fn tables(&self) -> Vec<(BTreeSet<String>, Keys)> {
        let mut same: BTreeMap<(Vec<String>, bool, BTreeSet<String>), Vec<String>> = BTreeMap::new();
        let mut by_table: BTreeMap<(&String, Vec<String>, bool), BTreeSet<String>> = BTreeMap::new();
        for ((table, kind), rows) in &self.rows {
            let conditional = matches!(kind, Kind::Update | Kind::Delete) && rows.restricted;
            let words = by_table.entry((table, rows.columns(), conditional)).or_default();
            words.insert(kind.word().to_owned());
        }
        for ((table, columns, conditional), words) in by_table {
            same.entry((columns, conditional, words)).or_default().push(table.clone());
        }
        let rule = |((columns, conditional, words), tables): ((Vec<String>, bool, _), _)| {
            let mut keys = vec![("tables", tables)];
            if !columns.is_empty() {
                keys.push(("columns", columns));
            }
            if conditional {
                keys.push(("require", vec!["where".to_owned()]));
            }
            (words, keys)
        };
        same.into_iter().map(rule).collect()
    }

    fn things(&self) -> Vec<(BTreeSet<String>, Keys)> {
        let rule = |((key, words), names): (&(&'static str, String), &BTreeSet<String>)| {
            let names: Vec<String> = names.iter().cloned().collect();
            let keys = if key.is_empty() { Vec::new() } else { vec![(*key, names)] };
            (BTreeSet::from([words.clone()]), keys)
        };
        self.others.iter().map(rule).collect()
    }
}

impl Rows {
    /// None is every one.
    fn columns(&self) -> Vec<String> {
        match self.reach {
            Reach::EveryColumn => Vec::new(),
            Reach::TheseColumns if self.columns.is_empty() => vec![NO_COLUMN.to_owned()],
            Reach::TheseColumns => self.columns.iter().cloned().collect(),
        }
    }
}

/// Asked of the judge itself, before rules that allow something else.
fn needs_a_rule(effect: &Effect) -> bool {
    let statement = Statement { effects: vec![effect.clone()], ..Statement::default() };
    let facts = Facts { statements: vec![statement], unknowns: Vec::new() };
    matches!(elsewhere().judge(&facts).verdict(), Verdict::Deny(_))
}

/// One rule, that allows what nobody does.
fn elsewhere() -> Jurisdiction {
    let text = "[rules.elsewhere]\nagents = \"*\"\ntargets = \"*\"\neffect = \"allow\"\nwhat = \"select\"\n\
        schemas = \"-\"\ntables = \"-\"";
    let rules = config::rules_of(text).unwrap_or_default();
    let subject = rule::Subject { agent: "", person: None, target: "", database: "" };
    Policy::new(rules, Vec::new()).over(&subject)
}

/// The name as a rule writes it, if a rule can write it and mean nothing else.
fn pattern(name: &Name) -> Option<String> {
    let own = plain(&name.name).filter(|name| !name.contains('.'))?;
    match &name.schema {
        Schema::Known(schema) => {
            Some(format!("{}.{own}", plain(schema).filter(|schema| !schema.contains('.'))?))
        }
        Schema::Unresolved | Schema::None => Some(own),
    }
}

fn plain(name: &str) -> Option<String> {
    Pattern::parse(name).ok()?.exact().map(str::to_owned)
}

/// In JSON's form, which is TOML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list(names: &[String]) -> String {
    match names {
        [one] => quoted(one),
        all => format!("[{}]", all.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")),
    }
}

/// What rules name in `tables`.
fn is_table_like(object: ObjectKind) -> bool {
    crate::cli::policy::regions::TABLE_LIKE.contains(&object)
}
