//! Which bounds a permit carries.

use super::*;
use crate::limits::Limits;

fn bounds(rules_text: &str, effects: &str) -> Limits {
    match verdict(rules_text, &facts(effects)) {
        Verdict::Allow(permit) => *permit.limits(),
        Verdict::Hold(hold) => panic!("{rules_text}: {} is held", hold.what()),
        Verdict::Deny(denial) => panic!("{rules_text}: {}", denial.message),
    }
}

fn rows(rules_text: &str, effects: &str) -> Option<u64> {
    bounds(rules_text, effects).rows
}

#[test]
fn the_tightest_bound_of_all_rules_that_allow_holds() {
    let select = "select; table a";
    assert_eq!(rows("allow select rows=10", select), Some(10));
    assert_eq!(rows("allow select; allow select rows=10; allow read rows=20", select), Some(10));
    assert_eq!(rows("allow read rows=20; allow select rows=10; allow select", select), Some(10));
    assert_eq!(rows("allow select; allow insert rows=10", select), None);
    assert_eq!(rows("allow select tables=a rows=9; allow select tables=b rows=5", select), Some(9));
}

#[test]
fn every_effect_of_a_message_brings_its_bounds() {
    let rules = "allow select tables=a rows=9; allow select tables=b rows=5; allow insert rows=2";
    assert_eq!(rows(rules, "select; table a + select; table b"), Some(5));
    assert_eq!(rows(rules, "select; table a + insert; table b"), Some(2));
}

#[test]
fn a_rule_that_may_be_about_it_bounds_it_and_one_that_is_not_does_not() {
    let rules = |more: &str| alloc::format!("allow select{more}; allow select tables=s.a rows=5");
    assert_eq!(rows(&rules(""), "select; table a"), Some(5));
    assert_eq!(rows(&rules(""), "select; table t.a"), None);
    assert_eq!(rows("allow select; allow select when=limit<=10 rows=5", "select; table a; limit"), Some(5));
    assert_eq!(rows("allow select; allow select when=limit<=10 rows=5", "select; table a; limit?"), Some(5));
    assert_eq!(rows("allow select; allow select when=limit<=10 rows=5", "select; table a"), None);
    assert_eq!(rows("allow select; allow select require=limit rows=5", "select; table a"), None);
}

#[test]
fn whatever_a_cursor_is_of_is_bounded_by_all() {
    let rules = "allow select tables=a rows=9; allow select tables=b rows=5";
    assert_eq!(rows(rules, "fetch; label c"), Some(5));
    assert_eq!(rows(rules, "close cursor; label c"), None);
}

#[test]
fn where_denials_are_observed_no_bound_holds() {
    let policy = Policy::new(rules("allow select rows=1"), ["orders".to_string()].into());
    let Verdict::Allow(permit) = policy.over(&SUBJECT).judge(&facts("select; table a")).verdict() else {
        panic!("observed")
    };
    assert!(permit.limits().is_none());
}

#[test]
fn rules_that_open_columns_bring_their_bounds() {
    let rules = "allow select columns=x rows=7; allow select columns=y";
    assert_eq!(rows(rules, "select; table a; columns=x,y"), Some(7));
}
