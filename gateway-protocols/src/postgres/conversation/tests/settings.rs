use super::{becomes, played};

#[test]
fn when_texts_cannot_be_read_any_more_nothing_goes_on() {
    for setting in ["standard_conforming_strings=off", "client_encoding=SJIS", "client_encoding=GB18030"] {
        let played = played(&alloc::format!(
            "> Q set x
             < C SET | S {setting} | Z I
             > Q select 1 | P : select 1 | S"
        ));
        assert_eq!(
            played.to_target, "Q set x | Q \"postern refused 1\" | E postern refused 2 | S",
            "{setting}"
        );
    }
}

#[test]
fn outside_of_utf8_only_ascii_is_read() {
    let script = "> Q set x
         < C SET | S client_encoding=LATIN1 | Z I
         > Q select 'a'
         < C SELECT 1 | Z I
         > Q select 'é'
         < E 42601 \"postern refused 1\" | Z I";
    let played = played(script);
    assert_eq!(played.to_target, "Q set x | Q select 'a' | Q \"postern refused 1\"");
    assert!(played.to_agent.contains("E 22021 "));
}

#[test]
fn what_comes_behind_a_change_of_settings_is_judged_when_the_change_is_known() {
    becomes(
        "> Q set search_path = other | Q select 1
         < C SET | S search_path=other | Z I
         < C SELECT 0 | Z I",
        "Q set search_path = other | Q select 1",
        "C SET | S search_path=other | Z I | C SELECT 0 | Z I",
        &[
            "run 1: set search_path = other in public",
            "1 done SET",
            "run 2: select 1 in other",
            "2 done SELECT 0",
        ],
    );
}

#[test]
fn a_setting_that_is_not_reported_is_forgotten_when_something_is_set() {
    becomes(
        "> Q set search_path = other
         < C SET | Z I
         > Q select 1
         < C SELECT 0 | Z I",
        "Q set search_path = other | Q select 1",
        "C SET | Z I | C SELECT 0 | Z I",
        &["run 1: set search_path = other in public", "1 done SET", "run 2: select 1", "2 done SELECT 0"],
    );
}

#[test]
fn within_a_batch_nothing_follows_a_change_of_settings() {
    let played = played(
        "> P : set x | B =() | E | P : select 1 | B =() | E | S
         < 1 | 2 | C SET | E 34000 \"postern refused 1\" | Z I",
    );
    assert_eq!(played.to_target, "P : set x | B =() | E | E postern refused 1 | S");
    assert!(played.to_agent.contains("E 0A000 "));
}

#[test]
fn a_portal_is_judged_again_when_settings_have_changed_since_it_was_bound() {
    let played = played(
        "> P : select $1 | B c=(7) | E c | H
         < 1 | 2 | D 1 | s
         > S
         < S search_path=other | Z T
         > E c | S
         < D 2 | C SELECT 1 | Z T",
    );
    assert_eq!(
        played.court,
        [
            "prepare 1: select $1 in public",
            "run(7) 2: select $1 in public",
            "1 prepared",
            "2 suspended, 1 rows",
            "run(7) 3: select $1 in other",
            "3 done SELECT 1, 1 rows",
        ]
    );
}
