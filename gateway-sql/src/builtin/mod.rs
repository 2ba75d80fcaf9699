//! What PostgreSQL itself ships, as far as it was looked at.
//!
//! The lists hold names only. `functions.txt` are the functions of `pg_catalog` all of whose forms compute a value from
//! their arguments or report on the server, and change nothing outside the statement (giving up locks of one's own is
//! no change); [`powers`] are the others that anybody may want to call. A function on neither list is not known, and
//! that includes those of later versions.

mod powers;

use std::collections::HashSet;
use std::sync::LazyLock;

pub(crate) use powers::powers;

type Names = HashSet<&'static str>;

static FUNCTIONS: LazyLock<Names> = LazyLock::new(|| include_str!("functions.txt").lines().collect());
static OPERATORS: LazyLock<Names> = LazyLock::new(|| include_str!("operators.txt").lines().collect());
static TYPES: LazyLock<Names> = LazyLock::new(|| include_str!("types.txt").lines().collect());
static RELATIONS: LazyLock<Names> = LazyLock::new(|| include_str!("relations.txt").lines().collect());

/// A function of `pg_catalog` that computes and does nothing else.
pub(crate) fn is_harmless(function: &str) -> bool {
    FUNCTIONS.contains(function)
}

pub(crate) fn is_operator(name: &str) -> bool {
    OPERATORS.contains(name)
}

/// A type whose casts run PostgreSQL's own functions only.
pub(crate) fn is_type(name: &str) -> bool {
    TYPES.contains(name) || name.strip_prefix('_').is_some_and(|element| TYPES.contains(element))
}

pub(crate) fn is_relation(name: &str) -> bool {
    RELATIONS.contains(name)
}

/// Functions that take a whole row, so that `t.f` may mean `f(t)`.
pub(crate) fn takes_a_row(function: &str) -> bool {
    matches!(
        function,
        "row_to_json"
            | "to_json"
            | "to_jsonb"
            | "json_agg"
            | "jsonb_agg"
            | "array_agg"
            | "any_value"
            | "concat"
            | "num_nulls"
            | "num_nonnulls"
            | "hash_record"
            | "hash_record_extended"
            | "record_send"
            | "json_build_array"
            | "jsonb_build_array"
            | "max"
            | "min"
            | "quote_literal"
            | "quote_nullable"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_both_harmless_and_powerful() {
        let both: Vec<_> = FUNCTIONS.iter().filter(|name| powers(name).is_some()).collect();
        assert!(both.is_empty(), "{both:?}");
    }

    #[test]
    fn the_lists_are_sorted_and_hold_each_name_once() {
        for list in [
            include_str!("functions.txt"),
            include_str!("operators.txt"),
            include_str!("types.txt"),
            include_str!("relations.txt"),
        ] {
            let names: Vec<_> = list.lines().collect();
            assert!(names.windows(2).all(|pair| pair.first() < pair.last()));
        }
    }
}
