//! What has to hold for any text, tried on many that were made from the tables.

use gateway_policy::command::State;

use super::reading::told;
use super::tables::texts;
use crate::{Catalogue, read};

/// A sequence that looks random and is the same each time (Numerical Recipes' generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides.max(1)
    }
}

/// A text with something cut out, doubled, swapped or put in.
fn mutated(text: &str, other: &str, dice: &mut Dice) -> String {
    let pieces = [
        "(",
        ")",
        "'",
        "\"",
        "$$",
        ";",
        "--",
        "/*",
        "*/",
        "\\",
        "E'",
        ",",
        ".",
        "[",
        "]",
        "é",
        "\u{feff}",
        "$1",
        "::",
        "only ",
        "update ",
        "\r",
        " with x as (",
        " from ",
        "0x",
        "::int",
        "not ",
    ];
    let mut words: Vec<&str> = text.split_inclusive(' ').collect();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(words.len());
        match dice.roll(5) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[at]),
            2 => words.insert(at, pieces[dice.roll(pieces.len())]),
            3 => {
                let foreign: Vec<&str> = other.split_inclusive(' ').collect();
                words.insert(at, foreign[dice.roll(foreign.len())]);
            }
            _ => {
                let with = dice.roll(words.len());
                words.swap(at, with);
            }
        }
        if words.is_empty() {
            break;
        }
    }
    words.concat()
}

#[test]
fn no_text_makes_the_reader_panic() {
    let texts = texts();
    let mut dice = Dice(1);
    let (state, catalogue) = (State::default(), Catalogue::absent());
    for _ in 0..6_000 {
        let (one, other) = (&texts[dice.roll(texts.len())], &texts[dice.roll(texts.len())]);
        let _ = read(&mutated(one, other, &mut dice), &state, &catalogue);
    }
}

#[test]
fn the_same_text_always_does_the_same() {
    for text in texts() {
        assert_eq!(told(&text), told(&text));
    }
}

/// Where the grammar looks two words ahead, a comment between them makes this library refuse what the server takes.
fn looks_ahead(text: &str) -> bool {
    ["nulls", "not", "with", "without", "format"].iter().any(|word| text.split(' ').any(|part| part == *word))
}

#[test]
fn comments_and_white_space_between_words_change_nothing() {
    let plain = |text: &&String| !text.contains(['\'', '"', '$', '-', '/', '\n', '\r']);
    for text in texts().iter().filter(plain).filter(|text| !looks_ahead(text)) {
        let expected = told(text);
        for blank in ["\n", "\t \r\n", " /* delete from x */ ", " -- drop table y\n", " /* a /* b */ c */ "] {
            assert_eq!(told(&text.replace(' ', blank)), expected, "{text}");
        }
    }
}

#[test]
fn the_case_of_words_changes_nothing() {
    for text in texts().iter().filter(|text| text.is_ascii() && !text.contains(['\'', '"', '$'])) {
        assert_eq!(told(&text.to_ascii_uppercase()), told(&text.to_ascii_lowercase()), "{text}");
    }
}

#[test]
fn a_statement_does_the_same_behind_another() {
    for text in texts() {
        let alone = told(&text);
        // The body of a routine has semicolons of its own, so that alone it is forgiven and in company it is not.
        if !alone.contains("??") && !text.contains("atomic") {
            assert_eq!(told(&format!("select 1; {text}")), format!("nothing; {alone}"), "{text}");
        }
    }
}
