//! What views stand for.

use gateway_policy::command::State;
use gateway_policy::facts::{Columns, Name, Schema};

use super::reading::describe;
use crate::catalogue::Relation;
use crate::{Catalogue, read};

/// A relation with one column, which reads others if it is a view.
fn reading(bases: impl IntoIterator<Item = String>) -> Relation {
    let base = |name| (Name { schema: Schema::Known("public".to_owned()), name }, Columns::All);
    Relation {
        columns: vec!["a".to_owned()],
        bases: bases.into_iter().map(base).collect(),
        ..Relation::default()
    }
}

/// `outer_view` is a view of `inner_view`, which is a view of `base`. Of `ruled`, which has rules of its own, there are two views
/// on top of each other too.
fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::read(1);
    for (name, base) in [
        ("outer_view", Some("inner_view")),
        ("inner_view", Some("base")),
        ("base", None),
        ("outer_of_ruled", Some("inner_of_ruled")),
        ("inner_of_ruled", Some("ruled")),
    ] {
        catalogue.add_relation("public", name, reading(base.map(str::to_owned)));
    }
    catalogue.add_relation("public", "ruled", Relation { rewritten: true, ..reading([]) });
    catalogue
}

fn told(text: &str) -> String {
    describe(&read(text, &State::default(), &catalogue()))
}

#[test]
fn writing_to_a_view_of_a_view_writes_to_the_table_behind_both() {
    for (kind, text) in [
        ("insert", "insert into public.outer_view values (1)"),
        ("insert", "insert into public.outer_view select a from public.base"),
        ("insert", "with w as (insert into public.outer_view values (1) returning a) select a from w"),
        ("insert", "copy public.outer_view from stdin"),
        ("update", "insert into public.outer_view values (1) on conflict (a) do update set a = 2"),
        ("update", "update public.outer_view set a = 1"),
        ("update", "update only public.outer_view as v set a = 1 from public.base"),
        ("delete", "delete from public.outer_view"),
        ("delete", "delete from only public.outer_view using public.base"),
        (
            "merge",
            "merge into public.outer_view v using public.base b on v.a = b.a when matched then do nothing",
        ),
        (
            "update",
            "merge into public.outer_view v using public.base b on v.a = b.a when matched then update set a = 1",
        ),
        (
            "delete",
            "merge into only public.outer_view v using public.base b on v.a = b.a when matched then delete",
        ),
        (
            "insert",
            "merge into public.outer_view v using public.base b on v.a = b.a when not matched then insert values (1)",
        ),
    ] {
        let told = told(text);
        for table in ["outer_view", "inner_view", "base"] {
            assert!(told.contains(&format!("{kind} public.{table}")), "{text}: {told}");
        }
    }
}

#[test]
fn locking_a_view_locks_the_table_behind_it() {
    for (kind, text) in [
        ("lock table", "lock table public.outer_view in share mode"),
        ("lock rows", "select a from public.outer_view for update"),
    ] {
        let told = told(text);
        for table in ["outer_view", "inner_view", "base"] {
            assert!(told.contains(&format!("{kind} public.{table}")), "{text}: {told}");
        }
    }
}

/// The server opens the view first and then applies the rules of what it finds behind it.
#[test]
fn what_a_write_becomes_by_the_rules_of_a_table_behind_a_view_is_unknown() {
    for text in [
        "insert into public.outer_of_ruled values (1)",
        "insert into public.inner_of_ruled values (1) on conflict do nothing",
        "update public.outer_of_ruled set a = 1",
        "delete from public.outer_of_ruled",
        "copy public.outer_of_ruled from stdin",
        "merge into public.outer_of_ruled v using public.base b on v.a = b.a when matched then delete",
    ] {
        let told = told(text);
        assert!(told.contains("?OpaqueCode"), "{text}: {told}");
    }
    // No rule is about reading.
    let told = told("select a from public.outer_of_ruled");
    assert!(!told.contains('?'), "{told}");
}

#[test]
fn of_a_view_of_more_than_can_be_told_nothing_is_promised() {
    for bases in [1_001, 2_000] {
        let names = || (0..bases).map(|number| format!("t{number}"));
        let mut catalogue = Catalogue::read(1);
        catalogue.add_relation("public", "wide", reading(names()));
        names().for_each(|name| catalogue.add_relation("public", &name, reading([])));
        for text in [
            "select a from public.wide",
            "select a from public.wide for update",
            "insert into public.wide values (1)",
            "insert into public.wide values (1) on conflict (a) do update set a = 2",
            "update public.wide set a = 1",
            "delete from public.wide",
            "copy public.wide to stdout",
            "copy public.wide from stdin",
            "lock table public.wide",
        ] {
            let told = describe(&read(text, &State::default(), &catalogue));
            assert!(told.contains("?TooLarge"), "{bases} tables behind {text}: nothing is unknown");
        }
    }
}
