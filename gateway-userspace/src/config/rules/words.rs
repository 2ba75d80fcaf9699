//! How the words in rules are read.

use gateway_policy::approval::{Reach, Voice};
use gateway_policy::facts::{ObjectKind, Power};
use gateway_policy::rule::{Actions, Condition, Mode, Pattern, QualifiedPattern, Stance};

use super::{PACKS, Pack};
use crate::config::section::{Value, did_you_mean};
use crate::config::values;

const NAMES: &str = "write a name, or a pattern with `*` for any text";

pub(super) fn pattern(value: &Value<'_>) -> Option<Pattern> {
    values::parsed(Pattern::parse, NAMES)(value)
}

pub(super) fn qualified_pattern(value: &Value<'_>) -> Option<QualifiedPattern> {
    values::parsed(
        QualifiedPattern::parse,
        "write a name such as \"orders\", \"sales.orders\" or \"sales.*\"",
    )(value)
}

pub(super) fn stance(value: &Value<'_>) -> Option<Stance> {
    word(value, Stance::ALL, Stance::word)
}

pub(super) fn voice(value: &Value<'_>) -> Option<Voice> {
    values::parsed(Voice::parse, "write \"person:NAME\", \"group:NAME\", \"unix:GROUP\", or \"*\"")(value)
}

pub(super) fn reach(value: &Value<'_>) -> Option<Reach> {
    word(value, Reach::ALL, Reach::word)
}

pub(super) fn mode(value: &Value<'_>) -> Option<Mode> {
    word(value, Mode::ALL, Mode::word)
}

pub(super) fn power(value: &Value<'_>) -> Option<Power> {
    word(value, Power::ALL, Power::word)
}

pub(super) fn condition(value: &Value<'_>) -> Option<Condition> {
    word(value, Condition::ALL, Condition::word)
}

pub(super) fn pack(value: &Value<'_>) -> Option<&'static Pack> {
    let packs: Vec<&'static Pack> = PACKS.iter().collect();
    word(value, &packs, |pack| pack.name)
}

/// All that stands after `what`.
pub(super) fn actions(value: &Value<'_>) -> Option<Actions> {
    let mut actions = Actions::default();
    values::list(action)(value)?.iter().for_each(|one| actions.merge(one));
    Some(actions)
}

fn action(value: &Value<'_>) -> Option<Actions> {
    let given = values::text(value)?;
    let mut actions = Actions::default();
    if actions.add(&given).is_ok() {
        return Some(actions);
    }
    let known: Vec<&str> = Actions::words().collect();
    let remedy = match given.split_once(' ') {
        Some((kind, object)) if known.contains(&kind) => {
            let objects: Vec<&str> = ObjectKind::ALL.iter().map(|object| object.word()).collect();
            if objects.contains(&object) { format!("write `{kind}`") } else { did_you_mean(object, &objects) }
        }
        _ => did_you_mean(&given, &known),
    };
    value.wrong(format!("`{given}` is nothing that can be done"), remedy)
}

fn word<T: Copy>(value: &Value<'_>, known: &[T], name: impl Fn(T) -> &'static str) -> Option<T> {
    let given = values::text(value)?;
    let found = known.iter().find(|one| name(**one) == given);
    found.copied().or_else(|| {
        let names: Vec<&str> = known.iter().map(|one| name(*one)).collect();
        value.wrong(format!("`{given}` is not known here"), did_you_mean(&given, &names))
    })
}
