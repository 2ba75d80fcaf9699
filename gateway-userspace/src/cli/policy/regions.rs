//! Everything that the rules of some configurations can tell apart, one example for each: names that rules say, one that
//! fits each of their patterns, and one that no rule says. Two things of one region are never answered differently, so
//! comparing the examples compares the rules.
//!
//! Patterns with a `*` that overlap only in part, such as `a*` and `*b`, are met in pairs.

use std::collections::BTreeSet;

use gateway_policy::facts::{
    Columns, Effect, Facts, Function, Kind, Limit, Name, Nature, ObjectKind, On, Power, Restriction, Schema,
    Setting, Statement,
};
use gateway_policy::rule::{Pattern, QualifiedPattern, Rule};

use super::court::Acting;

/// Stands for any text that no rule says.
const OTHER: &str = "\u{1}";

/// One example.
#[derive(Debug)]
pub struct Probe {
    /// What is acted on, in words: `public.orders`, `any other table`.
    pub thing: String,
    /// In the words of rules: `select`, `drop table`.
    pub action: String,
    /// What tells it from other examples of the same action on the same thing, if anything does.
    pub how: String,
    pub facts: Facts,
}

/// The names in rules, each once.
#[derive(Debug, Default)]
pub struct Names {
    tables: Vec<QualifiedPattern>,
    functions: Vec<QualifiedPattern>,
    schemas: Vec<Pattern>,
    columns: Vec<Pattern>,
    settings: Vec<Pattern>,
    databases: Vec<Pattern>,
    people: Vec<Pattern>,
    groups: Vec<Pattern>,
}

/// Kinds of action on rows of relations.
const ON_ROWS: [Kind; 15] = [
    Kind::Select,
    Kind::LockRows,
    Kind::Insert,
    Kind::Update,
    Kind::Delete,
    Kind::Merge,
    Kind::Truncate,
    Kind::CopyIn,
    Kind::CopyOut,
    Kind::LockTable,
    Kind::Vacuum,
    Kind::Analyze,
    Kind::Cluster,
    Kind::Reindex,
    Kind::Refresh,
];
const ON_OBJECTS: [Kind; 7] =
    [Kind::Create, Kind::Alter, Kind::Drop, Kind::Comment, Kind::SecurityLabel, Kind::Grant, Kind::Revoke];
/// Objects that rules name in `tables`.
pub const TABLE_LIKE: [ObjectKind; 12] = [
    ObjectKind::Table,
    ObjectKind::ForeignTable,
    ObjectKind::View,
    ObjectKind::MaterializedView,
    ObjectKind::Index,
    ObjectKind::Sequence,
    ObjectKind::Column,
    ObjectKind::Constraint,
    ObjectKind::Trigger,
    ObjectKind::Rule,
    ObjectKind::RowPolicy,
    ObjectKind::Statistics,
];

impl Names {
    pub fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut names = Self::default();
        for rule in rules {
            add_new(&mut names.tables, &rule.on.tables);
            add_new(&mut names.functions, &rule.on.functions);
            add_new(&mut names.schemas, &rule.on.schemas);
            add_new(&mut names.columns, &rule.on.columns);
            add_new(&mut names.settings, &rule.on.settings);
            add_new(&mut names.databases, &rule.databases);
            add_new(&mut names.people, &rule.people);
            add_new(&mut names.groups, &rule.groups);
        }
        names
    }

    /// Databases that rules tell apart, in words and as they are asked about. Without any, one stands for all.
    pub fn databases(&self) -> Vec<(String, String)> {
        let named = examples(&self.databases).into_iter();
        named.chain([("any other".to_owned(), OTHER.to_owned())]).collect()
    }

    /// People that rules tell apart, in words and as they ask.
    pub fn people(&self) -> Vec<(String, Option<Acting>)> {
        let mut people = vec![("nobody known".to_owned(), None)];
        let mut subjects = examples(&self.people);
        let mut groups = examples(&self.groups);
        if subjects.is_empty() && groups.is_empty() {
            return people;
        }
        subjects.push(("anybody else".to_owned(), OTHER.to_owned()));
        groups.push((String::new(), OTHER.to_owned()));
        for (shown, subject) in &subjects {
            for (group_shown, group) in &groups {
                let words = match group_shown.as_str() {
                    "" => shown.clone(),
                    group => format!("{shown} in {group}"),
                };
                people.push((words, Some(Acting { subject: subject.clone(), groups: vec![group.clone()] })));
            }
        }
        people
    }

    /// Every example, handed out one by one: there may be many.
    pub fn each(&self, mut show: impl FnMut(Probe)) {
        let tables = self.places(&self.tables, "table");
        for (thing, name) in &tables {
            self.on_rows(thing, name, &mut show);
            for (kind, object) in product(&ON_OBJECTS, &TABLE_LIKE) {
                let on = On::Object(object, name.clone());
                show(Probe::of(thing, &format!("{kind} {object}"), "", Effect::new(kind, on)));
            }
        }
        self.on_other_objects(&mut show);
        for (thing, name) in self.places(&self.functions, "function") {
            on_function(&thing, &name, &mut show);
        }
        let settings =
            examples(&self.settings).into_iter().map(|(shown, name)| (format!("setting {shown}"), name));
        for (thing, name) in settings.chain([("any other setting".to_owned(), OTHER.to_owned())]) {
            for kind in [Kind::Set, Kind::Reset, Kind::Show] {
                let on = On::Setting(Setting { name: name.clone(), value: None });
                show(Probe::of(&thing, kind.word(), "", Effect::new(kind, on)));
            }
        }
        let tied = |kind: &Kind| ON_ROWS.contains(kind) || ON_OBJECTS.contains(kind);
        let elsewhere = [Kind::Function, Kind::Call, Kind::Set, Kind::Reset, Kind::Show];
        for kind in Kind::ALL.iter().filter(|kind| !tied(kind) && !elsewhere.contains(kind)) {
            show(Probe::of("the session and the server", kind.word(), "", Effect::new(*kind, On::Nothing)));
        }
    }

    fn on_rows(&self, thing: &str, name: &Name, show: &mut impl FnMut(Probe)) {
        for kind in ON_ROWS {
            let effect = Effect::new(kind, On::Relation(name.clone()));
            match kind {
                Kind::Delete | Kind::Truncate => with_conditions(&effect, thing, "", show),
                Kind::Select | Kind::Insert | Kind::Update | Kind::LockRows => {
                    for (how, columns) in self.columns() {
                        let effect = Effect { columns, ..effect.clone() };
                        if kind == Kind::Update {
                            with_conditions(&effect, thing, &how, show);
                        } else {
                            with_limits(&effect, thing, &how, show);
                        }
                    }
                }
                _ => show(Probe::of(thing, kind.word(), "", effect)),
            }
        }
    }

    /// Sets of columns that rules tell apart.
    fn columns(&self) -> Vec<(String, Columns)> {
        let one = |(shown, name): (String, String)| (format!("column {shown}"), Columns::These(vec![name]));
        let mut sets: Vec<_> = examples(&self.columns).into_iter().map(one).collect();
        if !sets.is_empty() {
            sets.push(("other columns".to_owned(), Columns::These(vec![OTHER.to_owned()])));
            sets.push(("whole rows".to_owned(), Columns::All));
        } else {
            sets.push((String::new(), Columns::All));
        }
        sets
    }

    fn on_other_objects(&self, show: &mut impl FnMut(Probe)) {
        let schemas = examples(&self.schemas).into_iter();
        for (shown, schema) in schemas.chain([("any other schema".to_owned(), OTHER.to_owned())]) {
            let others = ObjectKind::ALL.iter().copied().filter(|object| !TABLE_LIKE.contains(object));
            let others: Vec<ObjectKind> = others.collect();
            for (kind, object) in product(&ON_OBJECTS, &others) {
                let (thing, name) = match object {
                    ObjectKind::Schema => {
                        (format!("schema {shown}"), Name { schema: Schema::None, name: schema.clone() })
                    }
                    _ => (
                        format!("things in {shown}"),
                        Name { schema: Schema::Known(schema.clone()), name: OTHER.to_owned() },
                    ),
                };
                let thing = thing.replace("schema any other schema", "any other schema");
                let effect = Effect::new(kind, On::Object(object, name));
                show(Probe::of(&thing, &format!("{kind} {object}"), "", effect));
            }
        }
    }

    /// Names of one sort with the schemas that matter for them.
    fn places(&self, patterns: &[QualifiedPattern], sort: &str) -> Vec<(String, Name)> {
        let named: Vec<Pattern> = patterns.iter().map(|pattern| pattern.name.clone()).collect();
        let everywhere = |pattern: &&Pattern| pattern.matches_everything();
        let mut names: Vec<(String, String)> = examples(&named);
        names.retain(|(_, name)| name != OTHER);
        names.push((format!("any other {sort}"), OTHER.to_owned()));
        let mut places = Vec::new();
        for (shown, name) in names {
            let fitting = patterns.iter().filter(|pattern| pattern.name.matches(&name));
            let said: Vec<Pattern> = fitting.filter_map(|pattern| pattern.schema.clone()).collect();
            let all: Vec<Pattern> =
                said.iter().chain(&self.schemas).filter(|it| !everywhere(it)).cloned().collect();
            for (schema_shown, schema) in examples(&all) {
                let words = if name == OTHER {
                    format!("{shown} in {schema_shown}")
                } else {
                    format!("{schema_shown}.{shown}")
                };
                places.push((words, Name { schema: Schema::Known(schema), name: name.clone() }));
            }
            let words = if name == OTHER {
                shown
            } else if all.is_empty() {
                format!("{sort} {shown}")
            } else {
                format!("{shown} in any other schema")
            };
            places.push((words, Name { schema: Schema::Known(OTHER.to_owned()), name }));
        }
        places
    }
}

impl Probe {
    fn of(thing: &str, action: &str, how: &str, effect: Effect) -> Self {
        let statement = Statement { effects: vec![effect], ..Statement::default() };
        Self {
            thing: thing.to_owned(),
            action: action.to_owned(),
            how: how.to_owned(),
            facts: Facts { statements: vec![statement], unknowns: Vec::new() },
        }
    }

    fn limited(mut self, limit: Limit) -> Self {
        self.facts.statements.iter_mut().for_each(|statement| statement.limit = limit);
        self
    }
}

fn with_conditions(effect: &Effect, thing: &str, how: &str, show: &mut impl FnMut(Probe)) {
    for (words, restriction) in [("some rows", Restriction::Restricts), ("every row", Restriction::Absent)] {
        let how = [words, how].join(" ");
        show(Probe::of(thing, effect.kind.word(), how.trim(), Effect { restriction, ..effect.clone() }));
    }
}

fn with_limits(effect: &Effect, thing: &str, how: &str, show: &mut impl FnMut(Probe)) {
    let limits: &[(&str, Limit)] = match effect.kind {
        Kind::Select => &[("with a limit", Limit::Rows(1)), ("without a limit", Limit::None)],
        _ => &[("", Limit::None)],
    };
    for (words, limit) in limits {
        let how = [how, words].join(" ");
        show(Probe::of(thing, effect.kind.word(), how.trim(), effect.clone()).limited(*limit));
    }
}

fn on_function(thing: &str, name: &Name, show: &mut impl FnMut(Probe)) {
    let powers = Power::ALL.iter().map(|power| (format!("that {power}"), Nature::Powers(vec![*power])));
    let others = [
        ("that only computes".to_owned(), Nature::Harmless),
        ("that nobody knows".to_owned(), Nature::Unknown),
    ];
    for (how, nature) in powers.chain(others) {
        for kind in [Kind::Function, Kind::Call] {
            let function = Function { name: name.clone(), nature: nature.clone(), arguments: Vec::new() };
            show(Probe::of(thing, kind.word(), &how, Effect::new(kind, On::Function(function))));
        }
    }
}

/// One name for each pattern, and for each pair of patterns that have names in common, with how it is shown.
fn examples(patterns: &[Pattern]) -> Vec<(String, String)> {
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    let mut add = |shown: String, name: String| {
        if name != OTHER && known.insert(name.clone()) {
            found.push((shown, name));
        }
    };
    for pattern in patterns {
        let text = pattern.to_string();
        add(text.clone(), text.replace('*', OTHER));
    }
    let open: Vec<String> =
        patterns.iter().filter(|pattern| pattern.exact().is_none()).map(ToString::to_string).collect();
    for (one, other) in open.iter().flat_map(|one| open.iter().map(move |other| (one, other))) {
        let shown = one.replacen('*', other, 1);
        add(shown.clone(), shown.replace('*', OTHER));
    }
    found
}

fn add_new<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

fn product<A: Copy, B: Copy>(first: &[A], second: &[B]) -> impl Iterator<Item = (A, B)> {
    first.iter().flat_map(move |one| second.iter().map(move |other| (*one, *other)))
}
