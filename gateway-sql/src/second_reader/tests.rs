use gateway_policy::command::State;

use super::*;
use crate::outline::outline;
use crate::{Catalogue, Limits, read};

/// Whether the second reader accepts what the first one would say if it had missed every effect on a name.
fn agrees_without(text: &str, missed: &str) -> bool {
    let mut facts = read(text, &State::default(), &Catalogue::absent());
    assert!(facts.unknowns.is_empty(), "{text} is not read at all");
    for statement in &mut facts.statements {
        statement.effects.retain(|effect| match &effect.on {
            On::Relation(name) | On::Object(_, name) => name.name != missed,
            _ => true,
        });
    }
    agrees(text, &outline(text, &Limits::default()).unwrap(), &facts)
}

#[test]
fn a_table_that_the_first_reader_misses_is_a_disagreement() {
    for text in [
        "select a from t, u",
        "select a from t join u on true",
        "select a from t where b in (select c from u)",
        "insert into u select a from t",
        "update u set a = 1",
        "delete from u using t where t.a = u.a",
        "with x as (select a from u) select * from x, t",
        "with x as (delete from u returning *) select * from x, t",
        "select (select max(a) from u) from t union select b from v",
        "truncate u",
        "drop table u",
        "copy u to stdout",
    ] {
        assert!(agrees_without(text, "nothing of it"), "{text}");
        assert!(!agrees_without(text, "u"), "{text}");
    }
}

#[test]
fn another_number_of_statements_is_a_disagreement() {
    let text = "select 1; select 2";
    let mut facts = read(text, &State::default(), &Catalogue::absent());
    facts.statements.pop();
    assert!(!agrees(text, &outline(text, &Limits::default()).unwrap(), &facts));
}

#[test]
fn what_the_other_parser_cannot_read_is_held_against_its_keywords() {
    let text = "reindex table t; update t set a[1] = 2 where current of c";
    let facts = read(text, &State::default(), &Catalogue::absent());
    let tokens = outline(text, &Limits::default()).unwrap();
    assert_eq!(other::opinion(text, &facts), Opinion::None);
    assert_eq!(words::opinion(&tokens, &facts), Opinion::Same);
    let mut missing = facts.clone();
    for statement in &mut missing.statements {
        statement.effects.retain(|effect| effect.kind != Kind::Update);
    }
    assert_eq!(words::opinion(&tokens, &missing), Opinion::Different);
}
