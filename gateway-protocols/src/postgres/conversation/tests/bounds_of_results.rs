use super::becomes;
use super::script::played;

const TOO_MANY: &str = "E 54000 the result has more than 2 rows, and no more are allowed";

#[test]
fn a_result_within_its_bounds_passes() {
    becomes(
        "> Q select two
         < T a | D 1 | D 2 | C SELECT 2 | Z I",
        "Q select two",
        "T a | D 1 | D 2 | C SELECT 2 | Z I",
        &["run 1: select two in public", "1 done SELECT 2, 2 rows"],
    );
}

#[test]
fn what_is_too_much_never_reaches_the_agent_and_the_connection_goes_on() {
    let script = |ends: &str| {
        alloc::format!(
            "> Q select two
             < T a | D 1 | D 2 | D 3 | D 4 | {ends} | Z I
             > Q select more
             < C SELECT 0 | Z I"
        )
    };
    // Whether it was cancelled or had ended before.
    for (ends, told) in [("E 57014 cancelled", "57014"), ("C SELECT 4", "54000")] {
        becomes(
            &script(ends),
            "Q select two | Q select more",
            &alloc::format!("T a | D 1 | D 2 | {TOO_MANY} | Z I | C SELECT 0 | Z I"),
            &[
                "run 1: select two in public",
                "1 exceeds rows",
                &alloc::format!("1 failed {told}, 4 rows"),
                "run 2: select more in public",
                "2 done SELECT 0",
            ],
        );
    }
}

#[test]
fn a_portal_that_is_fetched_in_parts_has_one_bound() {
    becomes(
        "> P : select two | B c=() | E c | H
         < 1 | 2 | D 1 | s
         > E c | H
         < D 2 | s
         > E c | S
         < D 3 | C SELECT 1 | Z T",
        "P : select two | B c=() | E c | H | E c | H | E c | S",
        &alloc::format!("1 | 2 | D 1 | s | D 2 | s | {TOO_MANY} | Z T"),
        &[
            "prepare 1: select two in public",
            "run 2: select two in public",
            "1 prepared",
            "2 suspended, 1 rows",
            "2 suspended, 1 rows",
            "2 exceeds rows",
            "2 failed 54000, 1 rows",
        ],
    );
}

#[test]
fn a_copy_to_the_agent_is_bounded_too() {
    becomes(
        "> Q copy two
         < H | d 1 | d 2 | d 3 | c | C COPY 3 | Z I",
        "Q copy two",
        &alloc::format!("H | d 1 | d 2 | {TOO_MANY} | Z I"),
        &["run 1: copy two in public", "1 exceeds rows", "1 failed 54000, 3 rows"],
    );
}

#[test]
fn an_agent_that_waits_for_no_sync_is_not_heard_until_it_sends_one() {
    becomes(
        "> P : select two | B =() | E | H
         < 1 | 2 | D 1 | D 2 | D 3 | C SELECT 3
         > B =() | E | S
         < Z I",
        "P : select two | B =() | E | H | S",
        &alloc::format!("1 | 2 | D 1 | D 2 | {TOO_MANY} | Z I"),
        &[
            "prepare 1: select two in public",
            "run 2: select two in public",
            "1 prepared",
            "2 exceeds rows",
            "2 failed 54000, 3 rows",
        ],
    );
}

#[test]
fn commands_that_ran_behind_a_result_that_was_too_much_end_the_connection() {
    for script in [
        "> P : select two | B =() | E | B =() | E | S
         < 1 | 2 | D 1 | D 2 | D 3 | C SELECT 3 | 2 | C SELECT 0 | Z I",
        "> Q select two; select more
         < T a | D 1 | D 2 | D 3 | C SELECT 3 | T a | C SELECT 0 | Z I",
    ] {
        assert!(played(script).broken.is_some(), "{script}");
    }
}
