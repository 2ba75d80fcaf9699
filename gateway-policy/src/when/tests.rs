//! Expressions over facts, and what becomes of those that do not fit together.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::facts::{Columns, Effect, Kind, Name, On, Schema, Statement};

fn circumstances(now: u64) -> Circumstances<'static> {
    Circumstances { now: Some(now), ..Circumstances::default() }
}

fn holds(expr: Expr, statement: &Statement, circumstances: Circumstances<'_>) -> Certainty {
    let asked = Asked {
        agent: "a",
        person: None,
        target: "t",
        database: "d",
        statements: 1,
        statement,
        circumstances,
    };
    When::new(expr).expect("it fits together").holds(&asked)
}

fn is(fact: Fact, text: &str) -> Expr {
    let text = Box::new(Expr::Text(String::from(text)));
    Expr::Compare(Comparison::Equal, Box::new(Expr::Fact(fact)), text)
}

fn tables(names: &[(Schema, &str)]) -> Statement {
    let effect = |(schema, name): &(Schema, &str)| {
        let name = Name { schema: schema.clone(), name: String::from(*name) };
        Effect { columns: Columns::All, ..Effect::new(Kind::Select, On::Relation(name)) }
    };
    Statement { effects: names.iter().map(effect).collect(), ..Statement::default() }
}

fn of_tables(quantifier: Quantifier, start: &str) -> Expr {
    let search =
        Expr::Search(Search::StartsWith, Box::new(Expr::Item), Box::new(Expr::Text(String::from(start))));
    Expr::Quantified(quantifier, Box::new(Expr::Fact(Fact::Tables)), Box::new(search))
}

#[test]
fn days_are_those_of_the_calendar() {
    let statement = Statement::default();
    for (now, date, weekday) in [
        (0, "1970-01-01", "thursday"),
        (951_782_400, "2000-02-29", "tuesday"),
        (951_868_799, "2000-02-29", "tuesday"),
        (951_868_800, "2000-03-01", "wednesday"),
        (4_107_542_400, "2100-03-01", "monday"),
        (1_774_915_199, "2026-03-30", "monday"),
        (1_798_761_599, "2026-12-31", "thursday"),
    ] {
        for (fact, text) in [(Fact::Date, date), (Fact::Weekday, weekday)] {
            assert_eq!(holds(is(fact, text), &statement, circumstances(now)), Certainty::Yes, "{now} {text}");
        }
    }
    assert_eq!(holds(is(Fact::Time, "23:59"), &statement, circumstances(86_399)), Certainty::Yes);
    assert_eq!(holds(is(Fact::Time, "00:00"), &statement, circumstances(86_400)), Certainty::Yes);
    assert_eq!(holds(is(Fact::Date, "9999-12-31"), &statement, circumstances(u64::MAX)), Certainty::Yes);
}

#[test]
fn an_item_that_is_not_known_could_be_anything() {
    let known = || Schema::Known(String::from("s"));
    let certain = tables(&[(known(), "a")]);
    let partly = tables(&[(known(), "a"), (Schema::Unresolved, "b")]);
    let nothing = Circumstances::default();
    for (quantifier, start, of_certain, of_partly) in [
        (Quantifier::Exists, "s.", Certainty::Yes, Certainty::Yes),
        (Quantifier::Exists, "t.", Certainty::No, Certainty::Maybe),
        (Quantifier::All, "s.", Certainty::Yes, Certainty::Maybe),
        (Quantifier::All, "t.", Certainty::No, Certainty::No),
    ] {
        assert_eq!(holds(of_tables(quantifier, start), &certain, nothing), of_certain, "{start}");
        assert_eq!(holds(of_tables(quantifier, start), &partly, nothing), of_partly, "{start}");
    }
    let size = Expr::Size(Box::new(Expr::Fact(Fact::Tables)));
    let two = |size| Expr::Compare(Comparison::Equal, Box::new(size), Box::new(Expr::Number(1)));
    assert_eq!(holds(two(size.clone()), &certain, nothing), Certainty::Yes);
    assert_eq!(holds(two(size), &partly, nothing), Certainty::Maybe);
}

#[test]
fn a_list_is_looked_at_within_bounds_and_the_rest_is_not_known() {
    let names: Vec<String> = (0..3000).map(|number| format!("t{number}")).collect();
    let names: Vec<(Schema, &str)> =
        names.iter().map(|name| (Schema::Known(String::from("s")), name.as_str())).collect();
    let statement = tables(&names);
    let nothing = Circumstances::default();
    assert_eq!(holds(of_tables(Quantifier::All, "s."), &statement, nothing), Certainty::Maybe);
    assert_eq!(holds(of_tables(Quantifier::Exists, "s."), &statement, nothing), Certainty::Yes);
}

#[test]
fn what_is_too_large_or_too_deep_is_no_condition() {
    let deep = (0..100).fold(Expr::Truth(true), |inner, _| Expr::Not(Box::new(inner)));
    assert_eq!(When::new(deep), Err(WhenError::TooDeep));
    let wide = Expr::In(
        Box::new(Expr::Fact(Fact::Agent)),
        Box::new(Expr::List((0..300).map(|_| Expr::Text(String::from("x"))).collect())),
    );
    assert_eq!(When::new(wide), Err(WhenError::TooLong));
}
