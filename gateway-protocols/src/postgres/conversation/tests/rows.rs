use super::{becomes, breaks};

#[test]
fn values_are_replaced_and_rows_that_stay_pass_as_they_are() {
    becomes(
        "> Q select shown
         < T a,b | D 1,secret | D gone,~ | D 2,3 | C SELECT 3 | Z I",
        "Q select shown",
        "T a,b | D 1,*** | D ~,~ | D 2,3 | C SELECT 3 | Z I",
        &["run 1: select shown in public", "1 columns a,b", "1 done SELECT 3, 3 rows"],
    );
}

#[test]
fn columns_are_asked_for_when_the_agent_does_not() {
    becomes(
        "> P s: select shown | DS s | S
         < 1 | t | T a | Z I
         > B =s() | E | S
         < 2 | T a | D secret | C SELECT 1 | Z I",
        "P s: select shown | DS s | S | B =s() | DP | E | S",
        "1 | t | T a | Z I | 2 | D *** | C SELECT 1 | Z I",
        &[
            "prepare 1: select shown in public",
            "1 prepared",
            "run 2: select shown in public",
            "2 columns a",
            "2 done SELECT 1, 1 rows",
        ],
    );
}

#[test]
fn every_piece_of_a_portal_is_shown() {
    becomes(
        "> P : select shown | B c=() | DP c | E c | H
         < 1 | 2 | T a | T a | D secret | s
         > E c | S
         < T a | D secret | C SELECT 1 | Z T",
        "P : select shown | B c=() | DP c | DP c | E c | H | DP c | E c | S",
        "1 | 2 | T a | D *** | s | D *** | C SELECT 1 | Z T",
        &[
            "prepare 1: select shown in public",
            "run 2: select shown in public",
            "1 prepared",
            "2 columns a",
            "2 suspended, 1 rows",
            "2 columns a",
            "2 done SELECT 1, 1 rows",
        ],
    );
}

#[test]
fn a_command_without_rows_has_nothing_to_show() {
    becomes(
        "> P : update shown | B =() | E | S
         < 1 | 2 | n | C UPDATE 1 | Z I",
        "P : update shown | B =() | DP | E | S",
        "1 | 2 | C UPDATE 1 | Z I",
        &[
            "prepare 1: update shown in public",
            "run 2: update shown in public",
            "1 prepared",
            "2 done UPDATE 1",
        ],
    );
}

#[test]
fn a_row_whose_columns_are_not_known_does_not_pass() {
    let played = breaks("> Q select shown\n< D secret", "the target sent a row before its columns");
    assert!(!played.to_agent.contains("secret"));
    breaks(
        "> Q select shown; select 2\n< T a | D 1 | C SELECT 1 | D secret",
        "the target sent a row before its columns",
    );
}
