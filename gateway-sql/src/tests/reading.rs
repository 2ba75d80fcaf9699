//! A short notation for facts, so that a table of statements can be read at a glance.

use gateway_policy::command::State;
use gateway_policy::facts::{Columns, Effect, Facts, Nature, On, Restriction, Schema};

use crate::{Catalogue, read};

/// What a text does, against a target that nobody has looked at: one line for each statement, effects sorted.
pub(super) fn told(text: &str) -> String {
    describe(&read(text, &State::default(), &Catalogue::absent()))
}

pub(super) fn describe(facts: &Facts) -> String {
    let mut lines: Vec<String> = facts
        .statements
        .iter()
        .map(|statement| {
            let mut words: Vec<String> = statement.effects.iter().map(effect).collect();
            words.sort();
            words.extend(statement.unknowns.iter().map(|unknown| format!("?{:?}", unknown.reason)));
            if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
        })
        .collect();
    lines.extend(facts.unknowns.iter().map(|unknown| format!("??{:?}", unknown.reason)));
    lines.join("; ")
}

fn effect(effect: &Effect) -> String {
    let mut words = effect.kind.word().to_owned();
    match &effect.on {
        On::Nothing => {}
        On::Relation(of) => words += &format!(" {}", name(of)),
        On::Object(kind, of) => words += &format!(" {} {}", kind.word(), name(of)),
        On::Function(function) => words += &format!(" {}{}", name(&function.name), nature(&function.nature)),
        On::Setting(setting) => {
            words += &format!(" {}={}", setting.name, setting.value.as_deref().unwrap_or("?"))
        }
        On::Label(label) => words += &format!(" {label}"),
        On::Transaction(modes) => {
            words += &format!(" {:?}/{:?}", modes.access, modes.isolation);
        }
    }
    words += &match &effect.columns {
        Columns::None => String::new(),
        Columns::All => "(*)".to_owned(),
        Columns::Unknown => "(?)".to_owned(),
        Columns::These(columns) => format!("({})", columns.join(" ")),
    };
    words += match effect.restriction {
        Restriction::Absent => "",
        Restriction::AlwaysTrue => " always",
        Restriction::Restricts => " some",
        Restriction::Unknown => " perhaps",
    };
    words.trim_end().to_owned()
}

fn name(name: &gateway_policy::facts::Name) -> String {
    match &name.schema {
        Schema::Known(schema) if schema == "pg_catalog" => format!("~{}", name.name),
        Schema::Known(schema) => format!("{schema}.{}", name.name),
        Schema::Unresolved | Schema::None => name.name.clone(),
    }
}

fn nature(nature: &Nature) -> String {
    match nature {
        Nature::Harmless => String::new(),
        Nature::Unknown => "!".to_owned(),
        Nature::Powers(powers) => {
            format!("!{}", powers.iter().map(|power| power.word()).collect::<Vec<_>>().join("+"))
        }
    }
}
