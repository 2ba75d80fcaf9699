//! Documents and expressions changed by chance: whatever stands there is read or is a mistake, and nothing else happens.
//! `POSTERN_FUZZ_ROUNDS` asks for more than CI runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use gateway_fuzz::Mutator;

use crate::config::load::Gathering;
use crate::config::mistakes::Gathered;
use crate::config::rules::{PACKS, read_when};
use crate::config::section::Source;

const ROUNDS: u64 = 1_500;

const DOCUMENTS: [&str; 4] = [
    include_str!("../../../../docs/examples/postern.toml"),
    include_str!("../../../../docs/examples/policy/rules.toml"),
    include_str!("../fixtures/rules/postern.toml"),
    include_str!("../fixtures/good/30-rules.toml"),
];

const EXPRESSIONS: [&str; 8] = [
    "time >= \"08:00\" && time < \"18:00\" && weekday in ['monday', 'tuesday']",
    "has_where && limit <= 100 && !(statements == 1 || parameters > 0)",
    "tables.all(t, t.startsWith(\"public.\") ? size(tables) <= 3 : true)",
    "columns.exists(c, c in [\"iban\", \"salary\"])",
    "isolation != \"serializable\" && access in ['read only', '']",
    "{'a': 1u, 'b': [1.5e3, b'\\x00', null]}.map(x, x)[0].y",
    "has(a.b) && [1, 2].exists_one(i, i + 1 - 2 * 3 / 4 % 5 == -i)",
    "\"\\u00e9\\\"\" + '''a\nb''' + r'\\' == agent",
];

fn rounds() -> u64 {
    std::env::var("POSTERN_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

#[track_caller]
fn survives(corpus: &[&str], read: impl Fn(&str)) {
    let corpus: Vec<&[u8]> = corpus.iter().map(|text| text.as_bytes()).collect();
    for round in 0..rounds() {
        let bytes = Mutator::new(round).mutation(&corpus);
        let text = String::from_utf8_lossy(&bytes);
        let outcome = catch_unwind(AssertUnwindSafe(|| read(&text)));
        assert!(outcome.is_ok(), "it fails in round {round} on {text:?}");
    }
}

#[test]
fn documents_that_are_changed_by_chance_are_read_or_are_mistakes() {
    let packs = PACKS.iter().map(|pack| pack.text());
    let documents: Vec<&str> = DOCUMENTS.into_iter().chain(packs).collect();
    survives(&documents, |text| {
        let mistakes = Gathered::default();
        let nobody = |_: &str| None;
        let file = Source { path: Path::new("mutated.toml"), text, mistakes: &mistakes, uid_of: &nobody };
        Gathering::default().add_file(file);
    });
}

#[test]
fn expressions_that_are_changed_by_chance_are_read_or_are_mistakes() {
    survives(&EXPRESSIONS, |text| drop(read_when(text)));
}
