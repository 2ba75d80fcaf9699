//! The rule packs that come with Postern: files of rules like any other, here with agents and targets of `*`, which
//! give way to those of the rule that takes the pack.

use std::path::Path;

use gateway_policy::rule::Rule;

use crate::config::load::Gathering;
use crate::config::mistakes::Gathered;
use crate::config::section::Source;

/// Rules under one name.
#[derive(Debug, PartialEq, Eq)]
pub struct Pack {
    pub name: &'static str,
    text: &'static str,
}

pub const PACKS: [Pack; 4] = [
    Pack { name: "read-only", text: include_str!("../packs/read-only.toml") },
    Pack { name: "no-destructive-ddl", text: include_str!("../packs/no-destructive-ddl.toml") },
    Pack { name: "safe-writes", text: include_str!("../packs/safe-writes.toml") },
    Pack { name: "no-escape", text: include_str!("../packs/no-escape.toml") },
];

impl Pack {
    #[cfg(test)]
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Tests hold the packs to be free of mistakes.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let mistakes = Gathered::default();
        let mut gathering = Gathering::default();
        let nobody = |_: &str| None;
        let file =
            Source { path: Path::new(self.name), text: self.text, mistakes: &mistakes, uid_of: &nobody };
        gathering.add_file(file);
        gathering.rules.into_iter().flat_map(|(name, keys)| keys.rules(&name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_is_free_of_mistakes() {
        for pack in &PACKS {
            let mistakes = Gathered::default();
            let nobody = |_: &str| None;
            let file =
                Source { path: Path::new(pack.name), text: pack.text, mistakes: &mistakes, uid_of: &nobody };
            Gathering::default().add_file(file);
            assert!(!pack.rules().is_empty());
            assert_eq!(mistakes.or(Some(())).map_err(|mistakes| mistakes.listing()), Ok(()), "{}", pack.name);
        }
    }
}
