use super::script::played;
use super::{becomes, breaks, passes};

#[test]
fn a_statement_is_prepared_once_and_runs_as_often_as_it_is_bound() {
    passes(
        "> P s: select $1 | DS s | S
         < 1 | t | T a | Z I
         > B =s(7) | E | S
         < 2 | D 7 | C SELECT 1 | Z I
         > B =s(~,8) | DP | E | S
         < 2 | T a | D 8 | C SELECT 1 | Z I",
        &[
            "prepare 1: select $1 in public",
            "1 prepared",
            "run(7) 2: select $1 in public",
            "2 done SELECT 1, 1 rows",
            "run(~,8) 3: select $1 in public",
            "3 done SELECT 1, 1 rows",
        ],
    );
}

#[test]
fn a_portal_is_read_in_pieces() {
    passes(
        "> P : select g | B c=() | E c | H
         < 1 | 2 | D 1 | D 2 | s
         > E c | S
         < D 3 | C SELECT 1 | Z T
         > CP c | S
         < 3 | Z T",
        &[
            "prepare 1: select g in public",
            "run 2: select g in public",
            "1 prepared",
            "2 suspended, 2 rows",
            "2 done SELECT 1, 1 rows",
        ],
    );
}

#[test]
fn an_empty_statement_has_an_empty_answer() {
    let played = played("> P :  | B =() | DP | E | S\n< 1 | 2 | n | I | Z I");
    assert_eq!(played.court[2..], ["1 prepared", "2 done "]);
    assert_eq!(played.to_agent, "1 | 2 | n | I | Z I");
}

#[test]
fn batches_that_do_not_wait_are_answered_in_order() {
    passes(
        "> P : select 1 | B =() | E | S | P : select 2 | B =() | E | S
         < 1 | 2 | D 1 | C SELECT 1 | Z I | 1 | 2 | D 2 | C SELECT 1 | Z I",
        &[
            "prepare 1: select 1 in public",
            "run 2: select 1 in public",
            "prepare 3: select 2 in public",
            "run 4: select 2 in public",
            "1 prepared",
            "2 done SELECT 1, 1 rows",
            "3 prepared",
            "4 done SELECT 1, 1 rows",
        ],
    );
}

#[test]
fn what_an_error_makes_the_target_skip_never_ran() {
    passes(
        "> P : nonsense | B =() | E | P t: select 2 | B =t() | E | S | Q select 3
         < E 42601 syntax error | Z I | C SELECT 0 | Z I",
        &[
            "prepare 1: nonsense in public",
            "run 2: nonsense in public",
            "prepare 3: select 2 in public",
            "run 4: select 2 in public",
            "run 5: select 3 in public",
            "1 failed 42601",
            "2 skipped",
            "3 skipped",
            "4 skipped",
            "5 done SELECT 0",
        ],
    );
}

#[test]
fn what_comes_after_an_error_is_dropped_up_to_sync() {
    becomes(
        "> P : nonsense | H
         < E 42601 syntax error
         > B =() | E | Q select 1 | d x | H | S | Q select 2
         < Z I | C SELECT 0 | Z I",
        "P : nonsense | H | H | S | Q select 2",
        "E 42601 syntax error | Z I | C SELECT 0 | Z I",
        &["prepare 1: nonsense in public", "1 failed 42601", "run 2: select 2 in public", "2 done SELECT 0"],
    );
}

#[test]
fn an_error_at_commit_belongs_to_the_sync() {
    passes(
        "> P : insert | B =() | E | S
         < 1 | 2 | C INSERT 0 1 | E 23503 deferred | Z I",
        &["prepare 1: insert in public", "run 2: insert in public", "1 prepared", "2 done INSERT 0 1"],
    );
}

#[test]
fn a_statement_whose_parse_failed_keeps_its_older_text() {
    passes(
        "> P s: select old | S
         < 1 | Z I
         > P s: select new | S
         < E 42P05 already exists | Z I
         > B =s() | E | S
         < 2 | C SELECT 0 | Z I",
        &[
            "prepare 1: select old in public",
            "1 prepared",
            "prepare 2: select new in public",
            "2 failed 42P05",
            "run 3: select old in public",
            "3 done SELECT 0",
        ],
    );
}

/// Otherwise the text that is judged would not be the text that runs.
#[test]
fn a_bind_waits_until_it_is_known_which_text_its_name_stands_for() {
    let script = "> P s: select old | S
         < 1 | Z I
         > P s: select new | S | B =s() | E | S
         < E 42P05 already exists | Z I
         < 2 | C SELECT 0 | Z I";
    passes(
        script,
        &[
            "prepare 1: select old in public",
            "1 prepared",
            "prepare 2: select new in public",
            "2 failed 42P05",
            "run 3: select old in public",
            "3 done SELECT 0",
        ],
    );
    let script = script.replace("E 42P05 already exists", "1");
    assert!(played(&script).court.contains(&"run 3: select new in public".into()));
}

#[test]
fn an_unnamed_statement_that_was_skipped_is_the_older_one() {
    let played = played(
        "> P : select old | S
         < 1 | Z I
         > DS missing | P : select new | S | B =() | E | S
         < E 26000 does not exist | Z I
         < 2 | C SELECT 0 | Z I",
    );
    assert!(played.court.contains(&"run 3: select old in public".into()), "{:?}", played.court);
}

#[test]
fn a_name_can_be_used_again_after_close() {
    passes(
        "> P s: select 1 | S
         < 1 | Z I
         > CS s | P s: select 2 | B =s() | E | S
         < 3 | 1 | 2 | C SELECT 0 | Z I
         > B =s() | E | S
         < 2 | C SELECT 0 | Z I",
        &[
            "prepare 1: select 1 in public",
            "1 prepared",
            "prepare 2: select 2 in public",
            "run 3: select 2 in public",
            "2 prepared",
            "3 done SELECT 0",
            "run 4: select 2 in public",
            "4 done SELECT 0",
        ],
    );
}

#[test]
fn statements_that_are_gone_cannot_be_bound() {
    for gone in [
        "> CS s | S\n< 3 | Z I",
        "> Q DEALLOCATE s\n< C DEALLOCATE | Z I",
        "> P : deallocate s | B =() | E | S\n< 1 | 2 | C DEALLOCATE | Z I",
        "> Q deallocate all\n< C DEALLOCATE ALL | Z I",
        "> Q discard all\n< C DISCARD ALL | Z I",
    ] {
        let played = played(&alloc::format!(
            "> P s: select 1 | S\n< 1 | Z I\n{gone}\n> B =s() | E | S\n< E 34000 portal \"postern refused 1\" | Z I"
        ));
        assert!(played.to_agent.ends_with("E 26000 prepared statement \"s\" does not exist | Z I"), "{gone}");
        assert!(played.to_target.ends_with("E postern refused 1 | S"), "{gone}");
    }
}

#[test]
fn portals_end_with_their_transaction() {
    becomes(
        "> P s: select 1 | B c=s() | S
         < 1 | 2 | Z I
         > E c | S
         < E 34000 portal \"postern refused 1\" does not exist | Z I",
        "P s: select 1 | B c=s() | S | E postern refused 1 | S",
        "1 | 2 | Z I | E 34000 portal \"c\" does not exist | Z I",
        &[
            "prepare 1: select 1 in public",
            "run 2: select 1 in public",
            "1 prepared",
            "refused: portal \"c\" does not exist",
        ],
    );
}

/// A cursor of SQL could have taken the name of the portal that was judged.
#[test]
fn a_cursor_takes_the_named_portals_away() {
    let played = played(
        "> P s: select 1 | B c=s() | S
         < 1 | 2 | Z T
         > Q close c; declare c cursor for select 2
         < C CLOSE CURSOR | C DECLARE CURSOR | Z T
         > E c | S
         < E 34000 portal \"postern refused 1\" does not exist | Z E",
    );
    assert!(played.to_target.ends_with("E postern refused 1 | S"));
}

#[test]
fn a_query_among_steps_ends_its_own_cycle() {
    passes(
        "> P s: select 1 | Q select 2 | B =s() | E | S
         < 1 | C SELECT 0 | Z I
         < 2 | C SELECT 0 | Z I",
        &[
            "prepare 1: select 1 in public",
            "run 2: select 2 in public",
            "1 prepared",
            "2 done SELECT 0",
            "run 3: select 1 in public",
            "3 done SELECT 0",
        ],
    );
}

#[test]
fn answers_in_another_order_than_asked_end_the_connection() {
    for answers in ["2 | 1", "1 | C SELECT 1", "1 | 2 | Z I", "1 | 2 | T a"] {
        breaks(
            &alloc::format!("> P : select 1 | B =() | E | S\n< {answers}"),
            "the target answered what was not asked",
        );
    }
}

#[test]
fn a_named_portal_waits_for_what_could_put_a_cursor_in_its_place() {
    let script = "> P s: select 1 | B c=s() | S
         < 1 | 2 | Z T
         > Q close c; declare c cursor for select 2 | E c | S
         < C CLOSE CURSOR | C DECLARE CURSOR | Z T
         < E 34000 portal \"postern refused 1\" does not exist | Z E";
    assert!(played(script).to_target.ends_with("| E postern refused 1 | S"));
    let harmless =
        script.replace("C DECLARE CURSOR", "C SELECT 1").replace("E 34000 portal", "C SELECT 1 | N 00000");
    assert!(played(&harmless).to_target.ends_with("| E c | S"));
}

#[test]
fn a_statement_that_is_dropped_while_it_is_used_ends_the_connection() {
    let script = "> P s: select 1 | S
         < 1 | Z I
         > Q deallocate s; prepare s as select 2 | B =s() | E | S
         < C DEALLOCATE | C PREPARE | Z I | 2 | D 2";
    let played = breaks(script, "a prepared statement was dropped while it was used");
    assert!(!played.to_agent.contains('D'), "{}", played.to_agent);
    passes(
        "> P s: select 1 | S
         < 1 | Z I
         > Q deallocate s | P s: select 2 | B =s() | E | S
         < C DEALLOCATE | Z I | 1 | 2 | C SELECT 1 | Z I",
        &[
            "prepare 1: select 1 in public",
            "1 prepared",
            "run 2: deallocate s in public",
            "prepare 3: select 2 in public",
            "run 4: select 2 in public",
            "2 done DEALLOCATE",
            "3 prepared",
            "4 done SELECT 1",
        ],
    );
}
