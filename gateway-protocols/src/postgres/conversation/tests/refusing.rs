use super::{becomes, played};

#[test]
fn a_refused_query_is_answered_in_its_place_and_never_goes_on() {
    becomes(
        "> Q select 1 | Q forbidden | Q select 2
         < C SELECT 0 | Z I | E 42601 syntax error at or near \"\"postern refused 1\"\" | Z I | C SELECT 0 | Z I",
        "Q select 1 | Q \"postern refused 1\" | Q select 2",
        "C SELECT 0 | Z I | E 42501 not allowed | Z I | C SELECT 0 | Z I",
        &[
            "run 1: select 1 in public",
            "run 2: forbidden in public",
            "run 3: select 2 in public",
            "1 done SELECT 0",
            "3 done SELECT 0",
        ],
    );
}

#[test]
fn a_refusal_within_a_transaction_fails_it_as_the_target_says() {
    becomes(
        "> Q begin
         < C BEGIN | Z T
         > Q forbidden
         < E 42601 \"postern refused 1\" | Z E
         > Q rollback
         < C ROLLBACK | Z I",
        "Q begin | Q \"postern refused 1\" | Q rollback",
        "C BEGIN | Z T | E 42501 not allowed | Z E | C ROLLBACK | Z I",
        &[
            "run 1: begin in public",
            "1 done BEGIN",
            "run 2: forbidden in public",
            "run 3: rollback in public",
            "3 done ROLLBACK",
        ],
    );
}

#[test]
fn a_refused_parse_drops_its_batch_up_to_sync() {
    becomes(
        "> P s: forbidden | DS s | B =s() | E | S | P s: select 1 | B =s() | E | S
         < E 34000 portal \"postern refused 1\" does not exist | Z I
         < 1 | 2 | C SELECT 0 | Z I",
        "E postern refused 1 | S | P s: select 1 | B =s() | E | S",
        "E 42501 not allowed | Z I | 1 | 2 | C SELECT 0 | Z I",
        &[
            "prepare 1: forbidden in public",
            "prepare 2: select 1 in public",
            "run 3: select 1 in public",
            "2 prepared",
            "3 done SELECT 0",
        ],
    );
}

#[test]
fn a_refused_bind_in_the_middle_of_a_batch_keeps_what_came_before() {
    becomes(
        "> P : select 1 | B =() | E | P : select $1 forbidden | B =(1) | E | S
         < 1 | 2 | D 1 | C SELECT 1 | E 34000 portal \"postern refused 1\" does not exist | Z I",
        "P : select 1 | B =() | E | E postern refused 1 | S",
        "1 | 2 | D 1 | C SELECT 1 | E 42501 not allowed | Z I",
        &[
            "prepare 1: select 1 in public",
            "run 2: select 1 in public",
            "prepare 3: select $1 forbidden in public",
            "1 prepared",
            "2 done SELECT 1, 1 rows",
        ],
    );
}

#[test]
fn a_refusal_behind_a_failure_is_skipped_like_the_rest() {
    becomes(
        "> P : nonsense | P : forbidden | S
         < E 42601 syntax error | Z I
         > Q select 1
         < C SELECT 0 | Z I",
        "P : nonsense | E postern refused 1 | S | Q select 1",
        "E 42601 syntax error | Z I | C SELECT 0 | Z I",
        &[
            "prepare 1: nonsense in public",
            "prepare 2: forbidden in public",
            "1 failed 42601",
            "run 3: select 1 in public",
            "3 done SELECT 0",
        ],
    );
}

/// The agent is told the truth: what it asked was refused, but the target had another reason to fail.
#[test]
fn another_failure_in_the_place_of_a_refusal_is_passed_on() {
    let played = played("> Q forbidden\n< E 57P01 terminating connection");
    assert_eq!(played.to_agent, "E 57P01 terminating connection");
}

#[test]
fn a_refused_message_that_does_not_fail_ends_the_connection() {
    for (asked, answer) in
        [("Q forbidden", "C SELECT 1"), ("Q forbidden", "Z I"), ("P : forbidden | S", "D 1")]
    {
        let played = played(&alloc::format!("> {asked}\n< {answer}"));
        assert_eq!(played.broken.as_deref(), Some("the target answered what was not asked"), "{asked}");
    }
}

#[test]
fn functions_are_not_called_by_message() {
    becomes(
        "> F | Q select 1
         < E 42601 \"postern refused 1\" | Z I | C SELECT 0 | Z I",
        "Q \"postern refused 1\" | Q select 1",
        "E 42501 functions cannot be called by message; SELECT calls them | Z I | C SELECT 0 | Z I",
        &[
            "refused: functions cannot be called by message; SELECT calls them",
            "run 1: select 1 in public",
            "1 done SELECT 0",
        ],
    );
}

#[test]
fn what_cannot_be_recorded_does_not_go_on() {
    becomes(
        "> Q unrecorded
         < E 42601 \"postern refused 1\" | Z I",
        "Q \"postern refused 1\"",
        "E 53100 the command could not be recorded, so it was not sent | Z I",
        &[],
    );
}

#[test]
fn an_agent_cannot_bind_a_portal_of_our_name() {
    let played = played("> P : select 1 | B postern refused 2=() | E postern refused 2 | S");
    assert_eq!(played.to_target, "P : select 1 | E postern refused 1 | S");
}

#[test]
fn names_that_the_target_would_cut_are_refused() {
    let long = "x".repeat(64);
    for (message, rest) in [
        (alloc::format!("P {long}: select 1"), ""),
        (alloc::format!("B {long}=()"), ""),
        (alloc::format!("DS {long}"), ""),
        (alloc::format!("CP {long}"), ""),
        (alloc::format!("E {long}"), ""),
    ] {
        let played = played(&alloc::format!("> {message}{rest} | S"));
        assert_eq!(played.to_target, "E postern refused 1 | S", "{message}");
    }
    let fits = "x".repeat(63);
    let played = played(&alloc::format!("> P {fits}: select 1 | S"));
    assert_eq!(played.court.len(), 2);
}

#[test]
fn malformed_messages_are_refused_and_the_connection_goes_on() {
    let played = played(
        "> P s: a | DX | S | Q select 1
         < 1 | E 34000 \"postern refused 1\" | Z I | C SELECT 0 | Z I"
            .replace("DX", "D")
            .as_str(),
    );
    assert_eq!(played.to_agent, "1 | E 08P01 the message is malformed | Z I | C SELECT 0 | Z I");
}
