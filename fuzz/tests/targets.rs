//! Each target over its corpus and mutations of it. `POSTERN_FUZZ_ROUNDS` asks for more than CI runs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gateway_fuzz::{Mutator, Target, targets};

const ROUNDS: u64 = 4_000;

#[test]
fn what_is_in_the_corpus_and_mutations_of_it_are_survived() {
    let rounds = std::env::var("POSTERN_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    for target in targets::ALL {
        target.corpus.iter().for_each(|bytes| survives(&target, "as recorded", bytes));
        for round in 0..rounds.unwrap_or(ROUNDS) {
            let bytes = Mutator::new(round).mutation(target.corpus);
            survives(&target, &format!("in round {round}"), &bytes);
        }
    }
}

#[track_caller]
fn survives(target: &Target, when: &str, bytes: &[u8]) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    assert!(outcome.is_ok(), "{} fails {when} on b\"{}\"", target.name, bytes.escape_ascii());
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let mutation = |seed| Mutator::new(seed).mutation(&[b"select 1", b"begin"]);
    assert_eq!(mutation(7), mutation(7));
    assert!((0..100).any(|seed| mutation(seed) != mutation(seed + 1)));
}
