//! Rules laid out so that few of them are looked at for one effect.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::action::KindSet;
use crate::facts::Kind;
use crate::pattern::{Pattern, exact_names};
use crate::rule::{Rule, Scope};

/// Rules of one stance that concern one subject, by their place in the policy.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    /// Those that list exact names only, under each of these names.
    listed: BTreeMap<String, Vec<Seat>>,
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
        match listed_names(&rule.on) {
            Some(mut names) => {
                names.sort_unstable();
                names.dedup();
                for name in names {
                    self.listed.entry(name.to_owned()).or_default().push(seat);
                }
            }
            None => self.others.push(seat),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.others.is_empty() && self.listed.is_empty()
    }

    /// The rules that can be about something of this kind and name. All others are not.
    pub(crate) fn candidates(&self, kind: Kind, name: Option<&str>) -> impl Iterator<Item = usize> {
        let listed = name.and_then(|name| self.listed.get(name)).map_or(&[][..], Vec::as_slice);
        let seats = listed.iter().chain(&self.others);
        seats.filter(move |seat| seat.kinds.contains(kind)).map(|seat| seat.rule)
    }
}

/// The names that a rule is about, if it lists things and every one of them can be one name only.
fn listed_names(scope: &Scope) -> Option<Vec<&str>> {
    if !scope.powers.is_empty() {
        return None;
    }
    let mut names = exact_names(&scope.tables)?;
    names.extend(exact_names(&scope.functions)?);
    let settings: Option<Vec<&str>> = scope.settings.iter().map(Pattern::exact).collect();
    names.extend(settings?);
    (!names.is_empty()).then_some(names)
}
