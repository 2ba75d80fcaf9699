use super::super::Limits;
use super::script::played_within;
use super::{becomes, breaks, passes, played};

#[test]
fn a_copy_in_by_query() {
    passes(
        "> Q copy t from stdin
         < G
         > d 1 | d 2 | c
         < C COPY 2 | Z I
         > Q select 1
         < C SELECT 0 | Z I",
        &[
            "run 1: copy t from stdin in public",
            "1 done COPY 2",
            "run 2: select 1 in public",
            "2 done SELECT 0",
        ],
    );
}

#[test]
fn a_copy_in_whose_data_does_not_wait() {
    passes(
        "> Q copy a from stdin; copy b from stdin | d 1 | c | d 2 | c | Q select 1
         < G | C COPY 1 | G | C COPY 1 | Z I | C SELECT 0 | Z I",
        &[
            "run 1: copy a from stdin; copy b from stdin in public",
            "run 2: select 1 in public",
            "1 done COPY 1",
            "1 done COPY 1",
            "2 done SELECT 0",
        ],
    );
}

#[test]
fn a_copy_in_that_the_agent_gives_up() {
    passes(
        "> Q copy t from stdin
         < G
         > d 1 | f no more
         < E 57014 COPY from stdin failed: no more | Z I",
        &["run 1: copy t from stdin in public", "1 failed 57014"],
    );
}

#[test]
fn a_copy_in_that_fails_while_data_is_on_its_way() {
    passes(
        "> Q copy t from stdin
         < G
         > d 1
         < E 22P02 invalid input | Z I
         > d 2 | d 3 | c | Q select 1
         < C SELECT 0 | Z I",
        &[
            "run 1: copy t from stdin in public",
            "1 failed 22P02",
            "run 2: select 1 in public",
            "2 done SELECT 0",
        ],
    );
}

#[test]
fn a_sync_that_comes_during_a_copy_is_dropped_by_the_target() {
    passes(
        "> P : copy t from stdin | B =() | DP | E | S
         < 1 | 2 | n | G
         > d 1 | H | S | c | S
         < C COPY 1 | Z I
         > P : select 1 | B =() | E | S
         < 1 | 2 | C SELECT 0 | Z I",
        &[
            "prepare 1: copy t from stdin in public",
            "run 2: copy t from stdin in public",
            "1 prepared",
            "2 done COPY 1",
            "prepare 3: select 1 in public",
            "run 4: select 1 in public",
            "3 prepared",
            "4 done SELECT 0",
        ],
    );
}

#[test]
fn a_copy_that_fails_leaves_its_syncs_in_doubt_and_the_rest_in_order() {
    let heard = |readies: &str| {
        let script = alloc::format!(
            "> P : copy t from stdin | B =() | E | S
             < 1 | 2 | G
             > d 1 | c | S
             < E 22P02 invalid input | {readies}
             > P : select 1 | B =() | E | S
             < 1 | 2 | C SELECT 0 | Z I"
        );
        passes(
            &script,
            &[
                "prepare 1: copy t from stdin in public",
                "run 2: copy t from stdin in public",
                "1 prepared",
                "2 failed 22P02",
                "prepare 3: select 1 in public",
                "run 4: select 1 in public",
                "3 prepared",
                "4 done SELECT 0",
            ],
        );
    };
    heard("Z I");
    heard("Z I | Z I");
}

#[test]
fn a_copy_out_in_any_format() {
    passes(
        "> Q copy t to stdout
         < H | d 1\t2 | d 3\t4 | c | C COPY 2 | Z I
         > P : copy t to stdout (format binary) | B =() | E | S
         < 1 | 2 | H | d PGCOPY | d \u{1} | c | C COPY 1 | Z I",
        &[
            "run 1: copy t to stdout in public",
            "1 done COPY 2, 2 rows",
            "prepare 2: copy t to stdout (format binary) in public",
            "run 3: copy t to stdout (format binary) in public",
            "2 prepared",
            "3 done COPY 1, 2 rows",
        ],
    );
}

#[test]
fn a_copy_out_that_breaks_off() {
    passes(
        "> Q copy t to stdout
         < H | d 1 | E 57014 canceled | Z I",
        &["run 1: copy t to stdout in public", "1 failed 57014, 1 rows"],
    );
}

#[test]
fn values_that_must_be_shown_do_not_leave_in_a_copy() {
    let played =
        breaks("> Q copy shown to stdout\n< H | d secret", "values of a copy cannot be shown one by one");
    assert!(!played.to_agent.contains("secret"));
}

#[test]
fn a_message_of_a_copy_that_is_too_long_ends_the_copy() {
    let long = "x".repeat(200);
    let limits = Limits { message: 100, ..Limits::default() };
    let script = alloc::format!(
        "> Q copy t from stdin
         < G
         > d 1 | d {long} | d 2 | c
         < E 57014 COPY from stdin failed: postern refused 1. | Z I
         > Q copy t from stdin
         < G
         > d 3 | c
         < C COPY 1 | Z I"
    );
    let played = played_within(&script, limits);
    assert_eq!(
        played.to_target,
        "Q copy t from stdin | d 1 | f postern refused 1. | Q copy t from stdin | d 3 | c"
    );
    assert_eq!(
        played.to_agent,
        "G | E 54000 a message of the copy is longer than the gateway reads | Z I | G | C COPY 1 | Z I"
    );
    assert_eq!(played.broken, None);
}

#[test]
fn data_without_a_copy_is_left_to_the_target() {
    becomes(
        "> d 1 | c | f x | Q select 1\n< C SELECT 0 | Z I",
        "d 1 | c | f x | Q select 1",
        "C SELECT 0 | Z I",
        &["run 1: select 1 in public", "1 done SELECT 0"],
    );
    assert_eq!(played("> d 1").broken, None);
}

/// As START_REPLICATION is answered: each side sends until both have said that they are done.
#[test]
fn both_sides_copy_until_both_are_done() {
    passes(
        "> Q START_REPLICATION 0/0
         < W | d one
         > d status
         < d two
         > d status | c
         < d three | c | C START_STREAMING | C START_REPLICATION | Z I
         > Q select 1
         < C SELECT 0 | Z I",
        &[
            "run 1: START_REPLICATION 0/0 in public",
            "1 done START_STREAMING, 3 rows",
            "1 done START_REPLICATION",
            "run 2: select 1 in public",
            "2 done SELECT 0",
        ],
    );
}

#[test]
fn the_target_may_be_done_first() {
    passes(
        "> Q START_REPLICATION 0/0
         < W | d one | c
         > d status | c
         < T next_tli | D 2 | C START_STREAMING | Z I",
        &["run 1: START_REPLICATION 0/0 in public", "1 done START_STREAMING, 2 rows"],
    );
}

#[test]
fn while_both_copy_both_are_listened_to() {
    assert_eq!(played("> Q START_REPLICATION 0/0\n< W").awaits, None);
    assert_eq!(played("> Q START_REPLICATION 0/0\n< W | d one\n> d status").awaits, None);
}
