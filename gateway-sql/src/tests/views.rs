//! What views stand for.

use gateway_policy::command::State;
use gateway_policy::facts::{Columns, Name, Schema};

use super::reading::describe;
use crate::catalogue::Relation;
use crate::{Catalogue, read};

/// `outer` is a view of `inner`, which is a view of `base`.
fn catalogue() -> Catalogue {
    let of = |base: &str| {
        let name = Name { schema: Schema::Known("public".to_owned()), name: base.to_owned() };
        Relation { columns: vec!["a".to_owned()], bases: vec![(name, Columns::All)], rewritten: false }
    };
    let mut catalogue = Catalogue::read(1);
    catalogue.add_relation("public", "outer_view", of("inner_view"));
    catalogue.add_relation("public", "inner_view", of("base"));
    catalogue.add_relation(
        "public",
        "base",
        Relation { columns: vec!["a".to_owned()], ..Relation::default() },
    );
    catalogue
}

#[test]
fn writing_to_a_view_of_a_view_writes_to_the_table_behind_both() {
    let told = |text: &str| describe(&read(text, &State::default(), &catalogue()));
    for (kind, text) in [
        ("insert", "insert into public.outer_view values (1)"),
        ("update", "update public.outer_view set a = 1"),
        ("delete", "delete from public.outer_view"),
    ] {
        let told = told(text);
        for table in ["outer_view", "inner_view", "base"] {
            assert!(told.contains(&format!("{kind} public.{table}")), "{text}: {told}");
        }
    }
}
