//! Rules laid out so that few of them are looked at for one effect.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::action::KindSet;
use crate::facts::Kind;
use crate::pattern::Pattern;
use crate::rule::{Rule, Scope};

/// Rules of one stance that concern one subject, by their place in the policy.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    /// Those that list exact names only, under each of these names.
    exact: BTreeMap<String, Vec<Seat>>,
    /// Those that list names, under the text that each of these names begins with.
    stems: BTreeMap<String, Vec<Seat>>,
    /// How long these texts are, each length once.
    lengths: Vec<usize>,
    others: Vec<Seat>,
}

#[derive(Debug, Clone, Copy)]
struct Seat {
    kinds: KindSet,
    rule: usize,
}

impl Bench {
    pub(crate) fn add(&mut self, index: usize, rule: &Rule) {
        let seat = Seat { kinds: rule.what.kinds(), rule: index };
        let names: Vec<&Pattern> = listed(&rule.on).collect();
        let has_no_stem = |pattern: &&Pattern| pattern.stem().is_empty();
        if names.is_empty() || !rule.on.powers.is_empty() || names.iter().any(has_no_stem) {
            return self.others.push(seat);
        }
        let all_exact = names.iter().all(|pattern| pattern.exact().is_some());
        let shelf = if all_exact { &mut self.exact } else { &mut self.stems };
        let stems: BTreeSet<&str> = names.iter().map(|pattern| pattern.stem()).collect();
        for stem in stems {
            shelf.entry(stem.to_owned()).or_default().push(seat);
            if !all_exact && !self.lengths.contains(&stem.len()) {
                self.lengths.push(stem.len());
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.others.is_empty() && self.exact.is_empty() && self.stems.is_empty()
    }

    /// The rules that can be about something of this kind and name, some of them perhaps twice. All others are not.
    pub(crate) fn candidates(&self, kind: Kind, name: Option<&str>) -> impl Iterator<Item = usize> {
        let stems = self.lengths.iter().filter_map(move |length| name?.get(..*length));
        let begun = stems.filter_map(|stem| self.stems.get(stem)).flatten();
        let exact = name.and_then(|name| self.exact.get(name)).into_iter().flatten();
        let seats = exact.chain(begun).chain(&self.others);
        seats.filter(move |seat| seat.kinds.contains(kind)).map(|seat| seat.rule)
    }
}

/// The names of things that a rule lists, without schemas.
fn listed(scope: &Scope) -> impl Iterator<Item = &Pattern> {
    let qualified = scope.tables.iter().chain(&scope.functions).map(|pattern| &pattern.name);
    qualified.chain(&scope.settings)
}
