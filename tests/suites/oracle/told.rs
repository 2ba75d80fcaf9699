//! What the facts tell of a statement, asked for what the server says.

use std::collections::{BTreeSet, HashMap};

use gateway_policy::facts::{Effect, Facts, Kind, Name, Nature, ObjectKind, On, Schema};

use crate::touched::{Act, Touched};

/// The tables that a table is a part of, by schema and name. Whoever may use a table may use its parts.
pub(crate) type Wholes = HashMap<(String, String), Vec<(String, String)>>;

/// Something the server did that the facts do not tell, in words that are the same for all statements of its kind.
pub(crate) type Gap = String;

pub(crate) fn is_understood(facts: &Facts) -> bool {
    facts.unknowns.is_empty() && facts.statements.iter().all(|statement| statement.unknowns.is_empty())
}

fn effects(facts: &Facts) -> impl Iterator<Item = &Effect> {
    facts.statements.iter().flat_map(|statement| &statement.effects)
}

pub(crate) fn gaps(facts: &Facts, touched: &[Touched], wholes: &Wholes) -> Vec<Gap> {
    let missing = touched.iter().filter(|touched| !tells(facts, touched, wholes));
    missing.map(|touched| in_words(facts, touched)).collect()
}

fn tells(facts: &Facts, touched: &Touched, wholes: &Wholes) -> bool {
    let here = (touched.schema.clone(), touched.name.clone());
    let mut open = vec![here];
    let mut seen = BTreeSet::new();
    while let Some(place) = open.pop() {
        if effects(facts).any(|effect| effect_tells(effect, &touched.act, &place)) {
            return true;
        }
        if seen.insert(place.clone()) {
            open.extend(wholes.get(&place).into_iter().flatten().cloned());
        }
    }
    false
}

fn effect_tells(effect: &Effect, act: &Act, (schema, name): &(String, String)) -> bool {
    match (&effect.on, act) {
        (On::Relation(told), Act::Read) => is(told, schema, name),
        (On::Relation(told), Act::Write(operation)) => {
            effect.kind.word() == operation && is(told, schema, name)
        }
        (On::Function(told), Act::Call) => is(&told.name, schema, name),
        _ => false,
    }
}

fn is(told: &Name, schema: &str, name: &str) -> bool {
    let same_schema = match &told.schema {
        Schema::Known(known) => known == schema,
        Schema::Unresolved => true,
        Schema::None => false,
    };
    same_schema && told.name == name
}

/// Of what is told only the server's own views are named: what they read is the same on every server.
fn in_words(facts: &Facts, touched: &Touched) -> Gap {
    let act = match &touched.act {
        Act::Read => "reads",
        Act::Write(operation) => operation,
        Act::Call => "calls",
    };
    let system = |name: &Name| match &name.schema {
        Schema::Known(schema) if schema == "pg_catalog" || schema == "information_schema" => {
            Some(format!("{schema}.{}", name.name))
        }
        _ => None,
    };
    let told = effects(facts).filter_map(|effect| match &effect.on {
        On::Relation(name) => system(name),
        _ => None,
    });
    let told: BTreeSet<String> = told.collect();
    let told = told.into_iter().collect::<Vec<_>>().join(" ");
    if touched.schema == "pg_temp" {
        return format!("{act} a temporary table of the session's own");
    }
    if told.is_empty() && runs_more(facts) {
        return format!("{act} something in a function whose powers are told");
    }
    format!("{act} {}.{} | {told}", touched.schema, touched.name)
}

/// Whether a function is called of which it is told that it may do more than compute.
fn runs_more(facts: &Facts) -> bool {
    effects(facts).any(|effect| match &effect.on {
        On::Function(function) => function.nature != Nature::Harmless,
        _ => false,
    })
}

/// A line of the event triggers: command, object type, schema and name.
pub(crate) fn ddl_gap(facts: &Facts, info: &str) -> Option<Gap> {
    let [_, tag, object, schema, name] = info.split('|').collect::<Vec<_>>().try_into().ok()?;
    let verb = if tag == "SELECT INTO" { "create" } else { tag.split(' ').next()? }.to_lowercase();
    let verb = if verb == "security" { "security label" } else { &verb };
    let told = |effect: &Effect| {
        let On::Object(kind, on) = &effect.on else {
            return effect.kind.word() == verb
                && matches!(&effect.on, On::Relation(on) if is(on, schema, name));
        };
        let same_kind =
            effect.kind.word() == verb || verb == "import" && effect.kind == Kind::ImportForeignSchema;
        // A rule names an index by its table.
        let same_sort = *kind == kind_of(object) || tag.to_lowercase().ends_with(&format!(" {kind}"));
        let same_thing =
            if name.is_empty() || *kind == ObjectKind::Index { same_sort } else { on.name == name };
        same_kind && same_thing
    };
    if effects(facts).any(told) {
        return None;
    }
    if runs_more(facts) {
        return Some("defines something in a function whose powers are told".to_owned());
    }
    let words: BTreeSet<String> = effects(facts)
        .filter_map(|effect| match &effect.on {
            On::Object(kind, _) => Some(format!("{} {kind}", effect.kind)),
            _ => None,
        })
        .collect();
    Some(format!("{} {object} | {}", tag.to_lowercase(), words.into_iter().collect::<Vec<_>>().join(", ")))
}

/// The server's words for kinds of objects.
fn kind_of(object: &str) -> ObjectKind {
    let object = object.to_lowercase();
    let ours = match object.as_str() {
        "table column" => "column",
        "table constraint" | "domain constraint" => "constraint",
        "foreign-data wrapper" => "foreign data wrapper",
        "text search parser"
        | "text search dictionary"
        | "text search template"
        | "text search configuration" => "text search",
        "statistics object" => "statistics",
        "foreign server" => "server",
        "default acl" => "default privileges",
        other => other,
    };
    ObjectKind::from_word(ours).unwrap_or(ObjectKind::Other)
}
