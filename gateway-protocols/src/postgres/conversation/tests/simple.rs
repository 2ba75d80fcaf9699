use super::super::Limits;
use super::script::{Relay, burst, played};
use super::{breaks, passes};
use crate::conversation::{Parting, Side};

#[test]
fn a_query_and_its_rows_pass() {
    passes(
        "> Q select 1
         < T a | D 1 | D ~ | C SELECT 2 | Z I",
        &["run 1: select 1 in public", "1 done SELECT 2, 2 rows"],
    );
}

#[test]
fn several_statements_of_a_query_end_one_by_one() {
    passes(
        "> Q begin; select 1; select 2; nonsense
         < C BEGIN | T a | D 1 | C SELECT 1 | T b | C SELECT 0 | E 42601 syntax error | Z E",
        &[
            "run 1: begin; select 1; select 2; nonsense in public",
            "1 done BEGIN",
            "1 done SELECT 1, 1 rows",
            "1 done SELECT 0",
            "1 failed 42601",
        ],
    );
}

#[test]
fn an_empty_query_is_answered_as_one() {
    passes("> Q\n< I | Z I", &["run 1:  in public", "1 done "]);
}

#[test]
fn queries_that_do_not_wait_are_answered_in_order() {
    passes(
        "> Q select 1 | Q select 2
         < T a | D 1 | C SELECT 1 | Z I | E 22012 division by zero | Z I",
        &[
            "run 1: select 1 in public",
            "run 2: select 2 in public",
            "1 done SELECT 1, 1 rows",
            "2 failed 22012",
        ],
    );
}

#[test]
fn what_nobody_asked_for_passes_at_any_time() {
    passes(
        "< N 00000 good morning | A events | S TimeZone=UTC
         > Q select 1
         < N 01000 slow | T a | A events | D 1 | S DateStyle=ISO | D 2 | C SELECT 2 | N 00000 bye | Z T",
        &["run 1: select 1 in public", "1 done SELECT 2, 2 rows"],
    );
}

#[test]
fn an_error_between_queries_passes() {
    passes("< E 57P01 terminating connection due to administrator command", &[]);
}

#[test]
fn a_row_that_breaks_off_is_an_error_of_that_query() {
    passes(
        "> Q select 1/a from t
         < T a | D 1 | E 22012 division by zero | Z I",
        &["run 1: select 1/a from t in public", "1 failed 22012, 1 rows"],
    );
}

#[test]
fn what_is_behind_a_terminate_goes_nowhere() {
    let played = played("> X | Q select 1");
    assert_eq!((&*played.to_target, played.court.len()), ("X", 0));
}

#[test]
fn a_connection_that_ends_leaves_no_command_without_outcome() {
    let played = played("> Q select 1 | Q select 2\n< T a | D 1");
    assert_eq!(played.court[2..], ["1 nothing, 1 rows", "2 nothing"]);
}

#[test]
fn an_answer_that_was_not_asked_for_ends_the_connection() {
    for answer in ["C SELECT 1", "D 1", "T a", "1", "2", "3", "n", "s", "G", "H", "d x", "c", "I", "t", "W"] {
        let played = breaks(&alloc::format!("< {answer}"), "the target answered what was not asked");
        assert_eq!(played.to_agent, "E FATAL 08P01 the target answered what was not asked", "{answer}");
        assert_eq!(played.to_target, "X", "{answer}");
    }
    breaks("> Q select 1\n< 1", "the target answered what was not asked");
}

#[test]
fn messages_of_no_known_kind_end_the_connection() {
    for kind in ["p", "?", "x", "\u{1}"] {
        let played = breaks(
            &alloc::format!("> Q select 1 | {kind} | Q select 2"),
            "a message is of a kind that is not known",
        );
        assert_eq!(played.to_target, "Q select 1 | X");
        assert_eq!(played.court.len(), 2);
    }
    for kind in ["R", "K", "V", "v", "?"] {
        breaks(&alloc::format!("< {kind}"), "the target sent a message of a kind that is not known");
    }
}

#[test]
fn nothing_is_said_in_the_middle_of_a_row() {
    let mut relay = Relay::new(Limits::default());
    relay.hear(Side::Agent, b"Q\0\0\0\x05\0");
    relay.hear(Side::Target, b"D\0\0\0\x10\0\x01\0");
    relay.hear(Side::Agent, b"?\0\0\0\x04");
    let played = relay.end();
    assert_eq!(played.to_agent, "…");
}

#[test]
fn it_says_whose_turn_it_is() {
    assert_eq!(played("").awaits, Some(Side::Agent));
    assert_eq!(played("> Q select 1").awaits, Some(Side::Target));
    assert_eq!(played("> Q select 1\n< T a | D 1").awaits, Some(Side::Target));
    assert_eq!(played("> Q select 1 | Q select 2").awaits, None);
    assert_eq!(played("> Q select 1\n< C SELECT 1 | Z I").awaits, Some(Side::Agent));
    assert_eq!(played("> P : select 1 | B =() | E").awaits, None);
    assert_eq!(played("> P : select 1 | B =() | E | S").awaits, Some(Side::Target));
    assert_eq!(played("> P : select 1 | DS | H").awaits, Some(Side::Target));
    assert_eq!(played("> P : select 1 | DS | H\n< 1 | t | n").awaits, Some(Side::Agent));
    assert_eq!(played("> Q copy t from stdin\n< G").awaits, Some(Side::Agent));
    assert_eq!(played("> Q copy t from stdin\n< G\n> d 1 | c").awaits, Some(Side::Target));
}

#[test]
fn an_agent_is_told_that_the_target_is_gone_unless_it_has_taken_its_leave() {
    let told_after = |kind: u8| {
        let mut relay = Relay::new(Limits::default());
        relay.hear(Side::Agent, &[kind, 0, 0, 0, 4]);
        relay.part(Parting::TargetGone);
        relay.end().to_agent
    };
    assert!(told_after(b'S').contains("08006"));
    assert_eq!(told_after(b'X'), "");
}

#[test]
fn an_agent_that_the_target_has_told_of_the_end_is_not_told_again() {
    let told_after = |error: &str| {
        let mut relay = Relay::new(Limits::default());
        relay.hear(Side::Agent, &burst("> Q select 1").unwrap().1);
        relay.hear(Side::Target, &burst(error).unwrap().1);
        relay.part(Parting::TargetGone);
        relay.end().to_agent
    };
    let told = told_after("< E FATAL 57P01 terminating connection");
    assert_eq!(told, "E FATAL 57P01 terminating connection");
    assert!(told_after("< E 22012 division by zero | Z I").contains("E FATAL 08006"));
}
