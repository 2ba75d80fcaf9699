//! What was found about texts, kept for when they come again, within bounds.

use std::collections::HashMap;
use std::mem;

use std::sync::Arc;

use gateway_policy::facts::{Aftermath, Facts};
use gateway_policy::judge::{Durability, Judgement};

/// Texts that are longer are read again each time: they are rare, and seldom come twice.
const LONGEST: usize = 16 << 10;
/// Bytes of text in one generation, what is known about each counted in.
const ROOM: usize = 2 << 20;
/// About what an entry takes beside its text.
const ENTRY: usize = 256;

/// What was found about a text.
#[derive(Debug, Clone)]
pub struct Found {
    pub judgement: Judgement,
    /// To be judged again for each command, where the judgement holds only for one.
    pub facts: Option<Arc<Facts>>,
    pub aftermath: Aftermath,
    pub record: Durability,
}

/// Two generations: when the young one is full, the old one goes, and what is asked for again becomes young.
#[derive(Debug, Default)]
pub struct Known {
    young: HashMap<Box<str>, Found>,
    old: HashMap<Box<str>, Found>,
    used: usize,
}

impl Known {
    pub fn get(&mut self, text: &str) -> Option<Found> {
        if let Some(found) = self.young.get(text) {
            return Some(found.clone());
        }
        let (text, found) = self.old.remove_entry(text)?;
        self.insert(text, found.clone());
        Some(found)
    }

    pub fn keep(&mut self, text: &str, found: &Found) {
        if text.len() <= LONGEST {
            self.insert(text.into(), found.clone());
        }
    }

    fn insert(&mut self, text: Box<str>, found: Found) {
        let room = text.len() + ENTRY;
        if self.used + room > ROOM {
            self.old = mem::take(&mut self.young);
            self.used = 0;
        }
        if self.young.insert(text, found).is_none() {
            self.used += room;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Found {
        Found {
            judgement: Judgement::unjudged(),
            facts: None,
            aftermath: Aftermath::Nothing,
            record: Durability::Buffered,
        }
    }

    #[test]
    fn what_is_asked_for_again_and_again_stays() {
        let mut known = Known::default();
        known.keep("often", &found());
        for number in 0..100_000 {
            known.keep(&format!("once {number}"), &found());
            assert!(known.get("often").is_some(), "{number}");
        }
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let mut known = Known::default();
        let text = "x".repeat(LONGEST - 8);
        for number in 0..1000 {
            known.keep(&format!("{number:08}{text}"), &found());
        }
        let bytes: usize = known.young.keys().chain(known.old.keys()).map(|text| text.len()).sum();
        assert!(bytes <= 2 * ROOM, "{bytes}");
        known.keep(&"y".repeat(LONGEST + 1), &found());
        assert!(known.get(&"y".repeat(LONGEST + 1)).is_none());
    }
}
