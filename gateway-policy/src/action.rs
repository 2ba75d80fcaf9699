//! The words after `what` in a rule: kinds of action, kinds with the kind of their object, and groups of kinds.

use alloc::vec::Vec;

use crate::facts::{Effect, Kind, ObjectKind, On};

/// Groups are spelled out in docs/policy.md; a group never means less than its words there.
const GROUPS: [(&str, &[Kind]); 5] = [
    ("any", Kind::ALL),
    ("read", &[Kind::Select, Kind::CopyOut, Kind::Explain, Kind::ExplainAnalyze, Kind::Show]),
    (
        "write",
        &[
            Kind::Insert,
            Kind::Update,
            Kind::Delete,
            Kind::Merge,
            Kind::Truncate,
            Kind::CopyIn,
            Kind::LockRows,
            Kind::LockTable,
        ],
    ),
    (
        "ddl",
        &[
            Kind::Create,
            Kind::Alter,
            Kind::Drop,
            Kind::Comment,
            Kind::SecurityLabel,
            Kind::Refresh,
            Kind::ImportForeignSchema,
            Kind::Grant,
            Kind::Revoke,
        ],
    ),
    ("maintenance", &[Kind::Vacuum, Kind::Analyze, Kind::Cluster, Kind::Reindex, Kind::Checkpoint]),
];

/// A set of kinds, and of kinds on one kind of object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actions {
    whole: KindSet,
    /// Only on this kind of object.
    narrow: Vec<(Kind, ObjectKind)>,
}

impl Actions {
    /// Adds what a word means: `select`, `drop`, `drop table`, `ddl`.
    pub fn add(&mut self, word: &str) -> Result<(), UnknownAction> {
        if let Some((_, kinds)) = GROUPS.iter().find(|(name, _)| *name == word) {
            kinds.iter().for_each(|kind| self.whole.insert(*kind));
            return Ok(());
        }
        if let Some(kind) = Kind::from_word(word) {
            self.whole.insert(kind);
            return Ok(());
        }
        let (kind, object) = word.split_once(' ').ok_or(UnknownAction)?;
        let kind = Kind::from_word(kind).filter(|kind| has_object(*kind)).ok_or(UnknownAction)?;
        self.narrow.push((kind, ObjectKind::from_word(object).ok_or(UnknownAction)?));
        Ok(())
    }

    /// Adds all that another set means.
    pub fn merge(&mut self, other: &Self) {
        self.whole = self.whole.union(other.whole);
        self.narrow.extend(&other.narrow);
    }

    pub fn is_empty(&self) -> bool {
        self.whole == KindSet::default() && self.narrow.is_empty()
    }

    /// Every kind of which at least some objects are meant.
    pub(crate) fn kinds(&self) -> KindSet {
        let mut kinds = self.whole;
        self.narrow.iter().for_each(|(kind, _)| kinds.insert(*kind));
        kinds
    }

    pub(crate) fn include(&self, effect: &Effect) -> bool {
        let on_object =
            || matches!(&effect.on, On::Object(object, _) if self.narrow.contains(&(effect.kind, *object)));
        self.whole.contains(effect.kind) || on_object()
    }

    /// Every word that may stand after `what`, the compound ones left out.
    pub fn words() -> impl Iterator<Item = &'static str> {
        GROUPS.iter().map(|(name, _)| *name).chain(Kind::ALL.iter().map(|kind| kind.word()))
    }
}

/// The word is no kind of action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownAction;

const fn has_object(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Create
            | Kind::Alter
            | Kind::Drop
            | Kind::Comment
            | Kind::SecurityLabel
            | Kind::Refresh
            | Kind::Grant
            | Kind::Revoke
    )
}

/// A set of kinds in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KindSet(u64);

/// Each kind has its bit.
const _: () = assert!(Kind::ALL.len() <= 64);

impl KindSet {
    pub(crate) const fn insert(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u32;
    }

    const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::facts::{Name, Schema};

    fn actions(words: &[&str]) -> Actions {
        let mut actions = Actions::default();
        words.iter().for_each(|word| actions.add(word).expect("a known word"));
        actions
    }

    fn drop_of(object: ObjectKind) -> Effect {
        Effect::new(Kind::Drop, On::Object(object, Name { schema: Schema::None, name: String::from("x") }))
    }

    #[test]
    fn every_kind_and_every_object_has_a_word_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(*kind));
            assert!(actions(&[kind.word()]).kinds().contains(*kind));
        }
        for object in ObjectKind::ALL {
            assert_eq!(ObjectKind::from_word(object.word()), Some(*object));
        }
    }

    #[test]
    fn a_kind_with_an_object_means_that_object_only() {
        let tables = actions(&["drop table"]);
        assert!(tables.include(&drop_of(ObjectKind::Table)));
        assert!(!tables.include(&drop_of(ObjectKind::View)));
        assert!(actions(&["drop"]).include(&drop_of(ObjectKind::View)));
    }

    #[test]
    fn any_means_every_kind() {
        assert!(Kind::ALL.iter().all(|kind| actions(&["any"]).kinds().contains(*kind)));
    }

    #[test]
    fn a_word_that_means_nothing_is_refused() {
        for word in ["", "selekt", "drop everything", "select table", "Drop", "drop  table"] {
            assert_eq!(Actions::default().add(word), Err(UnknownAction), "{word}");
        }
    }
}
