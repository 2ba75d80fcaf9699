//! Expressions that are read, and those that are not.

use super::*;

fn mistake(text: &str) -> String {
    match read(text) {
        Err(wrong) => format!("{} | {}", wrong.what, wrong.remedy),
        Ok(when) => panic!("{text} is read as {when:?}"),
    }
}

#[test]
fn expressions_over_facts_are_read() {
    for text in [
        "true",
        "agent == \"coder\"",
        "agent.startsWith('c') && !(database.endsWith('_test') || target.contains(\"x\"))",
        "time >= \"08:00\" && time < \"18:00\" && weekday in ['monday', 'tuesday']",
        "weekday != \"sunday\"",
        "date < \"2026-12-24\" || transaction == 'none'",
        "has_where && limit <= 100 && statements == 1 && parameters > 0",
        "\"delete\" in kinds ? has_where : true",
        "tables.all(t, t.startsWith(\"public.\"))",
        "columns.exists(c, c in [\"iban\", \"salary\"])",
        "size(tables) <= 3 && kinds.size() == 1",
        "isolation != \"serializable\" && access in ['read only', '']",
    ] {
        assert!(read(text).is_ok(), "{text}: {:?}", read(text));
    }
}

#[test]
fn what_is_unknown_or_does_not_fit_is_a_mistake_with_a_remedy() {
    for (text, expected) in [
        ("agnet == 'x'", "there is no fact `agnet` | did you mean `agent`?"),
        ("agent == ", "it is no expression at character"),
        ("agent", "it is not true or false where it has to be"),
        ("limit", "it is not true or false where it has to be"),
        ("limit == 'x'", "it compares things of different sorts"),
        ("agent < 'x'", "it asks which comes first of things that have no order"),
        ("has_where < true", "it asks which comes first of things that have no order"),
        ("time >= '9:00'", "\"9:00\" can never be meant there; write a time such as \"09:30\""),
        ("time >= '24:00'", "\"24:00\" can never be meant there"),
        ("date == '2026-13-01'", "\"2026-13-01\" can never be meant there"),
        ("weekday == 'Monday'", "\"Monday\" can never be meant there; write a day such as \"monday\""),
        ("'delet' in kinds", "\"delet\" can never be meant there"),
        ("time == date", "it compares things of different sorts"),
        ("agent in database", "it needs a list of texts there"),
        ("limit in [1, 2]", "it needs a text there"),
        ("agent in []", "it has an empty list"),
        ("size(agent) == 1", "it needs a list of texts there"),
        ("agent.matches('x')", "there is no function `matches` here"),
        ("agent.startswith('x')", "there is no function `startswith` here | did you mean `startsWith`?"),
        ("agent.startsWith()", "`startsWith` is not called like this"),
        ("limit + 1 == 2", "it calculates something"),
        ("statement.kinds == 1", "no fact has a field `kinds`"),
        ("limit == 1.5", "it has a value of a kind that no fact has"),
        ("agent == null", "it has a value of a kind that no fact has"),
        ("{'a': 1} == {}", "it builds something that no fact can be compared with"),
        ("tables.map(t, t) == tables", "it goes through a list in a way that is not possible here"),
        ("tables.exists_one(t, t == 'a.b')", "it goes through a list in a way that is not possible here"),
        ("tables.exists(t, columns.exists(c, c == t))", "it has `exists` or `all` inside of another"),
        ("['a'].exists(t, t == agent)", "it needs a list of texts there"),
        ("tables.exists(agent, agent == 'a')", "`agent` is a fact and cannot be the name of an item"),
        ("has(agent.x)", "no fact has a field `x`"),
    ] {
        assert!(mistake(text).starts_with(expected), "{text}: {}", mistake(text));
    }
}

#[test]
fn what_is_too_long_or_too_deep_is_not_even_read() {
    let long = format!("agent == '{}'", "x".repeat(2000));
    assert!(mistake(&long).starts_with("it has more than 1024 bytes"));
    assert!(mistake(&"(".repeat(17)).starts_with("it has more than 16 brackets in each other"));
    assert!(mistake(&"!".repeat(33)).starts_with("it has more than 32 times `!`"));
    let many = vec!["limit==1"; 90].join("||");
    assert_eq!(mistake(&many), format!("it has too many parts | {CORRECT_IT}"));
}
