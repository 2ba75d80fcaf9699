//! Text that is meant to stall or crash whoever reads it.

use std::time::{Duration, Instant};

use gateway_policy::command::State;
use gateway_policy::facts::{Facts, Kind, Reason, Restriction};

use crate::{Catalogue, Limits, read, read_within};

fn facts(text: &str) -> Facts {
    read(text, &State::default(), &Catalogue::absent())
}

fn reasons(facts: &Facts) -> Vec<Reason> {
    let inner = facts.statements.iter().flat_map(|statement| &statement.unknowns);
    facts.unknowns.iter().chain(inner).map(|unknown| unknown.reason).collect()
}

#[test]
fn what_is_too_large_or_too_deep_is_refused_before_any_parser_sees_it() {
    assert_eq!(reasons(&facts(&"x".repeat((1 << 20) + 1))), [Reason::TooLarge]);
    assert_eq!(reasons(&facts(&format!("select {}", "(".repeat(1 << 19)))), [Reason::TooDeep]);
    assert_eq!(reasons(&facts(&format!("select array{}", "[".repeat(1 << 19)))), [Reason::TooDeep]);
    assert_eq!(reasons(&facts(&"/*".repeat(1 << 18))), [Reason::TooDeep]);
    assert_eq!(reasons(&facts("select 1\0; delete from t")), [Reason::NotSql]);
    let small = Limits { bytes: 8, nesting: 1 };
    assert_eq!(
        reasons(&read_within(&small, "select 12", &State::default(), &Catalogue::absent())),
        [Reason::TooLarge]
    );
    assert_eq!(
        reasons(&read_within(&small, "((1))", &State::default(), &Catalogue::absent())),
        [Reason::TooDeep]
    );
}

/// Each fills the limit with one construct, on a stack of the size that threads have by default.
#[test]
fn no_bomb_stalls_or_overflows_the_reader() {
    let bombs: Vec<(&str, String)> = vec![
        ("and", format!("select 1 where {}a", "a and ".repeat(170_000))),
        ("plus", format!("select {}1", "1+".repeat(500_000))),
        ("minus", format!("select {}1", "- ".repeat(500_000))),
        ("not", format!("select {}true", "not ".repeat(250_000))),
        ("concatenation", format!("select {}a from t", "a||".repeat(340_000))),
        ("casts", format!("select a{}", "::int".repeat(200_000))),
        ("subscripts", format!("select a{}", "[1]".repeat(340_000))),
        ("fields", format!("select (a){}", ".b".repeat(500_000))),
        ("case", format!("select {}1{}", "case when a then ".repeat(40_000), " end".repeat(40_000))),
        ("union", format!("{}select 1", "select 1 union ".repeat(69_000))),
        ("joins", format!("select 1 from t {}", "join u on true ".repeat(69_000))),
        ("tables", format!("select 1 from {}t", "t,".repeat(500_000))),
        ("columns", format!("select {}a from t", (0..100_000).map(|n| format!("c{n},")).collect::<String>())),
        ("values", format!("insert into t values {}(1)", "(1,'x'),".repeat(110_000))),
        ("statements", "select 1;".repeat(110_000)),
        ("semicolons", ";".repeat(1 << 20)),
        ("functions", format!("select {}1", "f(),".repeat(250_000))),
        ("list", format!("select 1 from t where a in ({}1)", "1,".repeat(500_000))),
        ("name", format!("select {}", "x".repeat(1_000_000))),
        ("string", format!("select '{}'", "''".repeat(500_000))),
        (
            "ctes",
            format!(
                "with {} z as (select 1) select 1",
                (0..30_000).map(|n| format!("c{n} as (select 1),")).collect::<String>()
            ),
        ),
        ("drops", format!("drop table {}t", "t,".repeat(500_000))),
        ("nested select", format!("{}select 1{}", "select (".repeat(60), ")".repeat(60))),
        ("quantifiers", "select ".repeat(140_000)),
        ("collate", format!("select a {}", "collate \"C\" ".repeat(80_000))),
        ("is null", format!("select a {}", "is null ".repeat(120_000))),
    ];
    for (name, bomb) in bombs {
        let started = Instant::now();
        let _ = facts(&bomb);
        let took = started.elapsed();
        // Unoptimised and among other tests; a release takes a twentieth of it.
        assert!(took < Duration::from_secs(30), "{name} took {took:?}");
    }
}

/// Each is true for every row, behind more than the reader compares.
#[test]
fn a_condition_that_is_always_true_beyond_what_is_looked_at_restricts_nothing() {
    let others = |many| (1..many).map(|number| format!("a = {number}")).collect::<Vec<_>>().join(" or ");
    let deep = |of: &str| format!("{}{of}{}", "coalesce(".repeat(30), ", a)".repeat(30));
    for condition in [
        format!("{} or a <> 1", others(20)),
        format!("{} or a <> 1", others(200)),
        format!("a in ({}a)", (0..200).map(|number| format!("{number}, ")).collect::<String>()),
        format!("coalesce({}, a = 1)", deep("true")),
        format!("{0} = {0}", deep("a")),
    ] {
        for text in
            [format!("delete from t where {condition}"), format!("update t set a = 1 where {condition}")]
        {
            let told = facts(&text);
            let effects = told.statements.iter().flat_map(|statement| &statement.effects);
            let restrictions: Vec<_> = effects
                .filter(|effect| matches!(effect.kind, Kind::Delete | Kind::Update))
                .map(|effect| effect.restriction)
                .collect();
            assert_eq!(restrictions, [Restriction::AlwaysTrue], "{text}");
        }
    }
    // And what people write is not suspected.
    let told = facts(&format!("delete from t where {}", others(50)));
    let held = told.statements.iter().flat_map(|statement| &statement.effects);
    assert!(held.into_iter().any(|effect| effect.restriction == Restriction::Restricts), "{told:?}");
}
