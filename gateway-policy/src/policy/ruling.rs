//! What the rules say of one effect.

use alloc::vec::Vec;

use super::{Jurisdiction, Listener, Matter, Weighing, Writing};
use crate::bench::Bench;
use crate::facts::is_harmless_setting;
use crate::facts::{
    Argument, Columns, Effect, Function, Kind, Nature, On, Power, TransactionAccess, TransactionModes,
};
use crate::judge::Lasting;
use crate::refusing::{No, Said};
use crate::rule::{Certainty, Condition, Mode, Rule, That, Things};

impl Jurisdiction {
    pub(super) fn rule_on<'a>(
        &'a self,
        effect: &'a Effect,
        matter: &mut Matter<'_>,
        weighing: &mut Weighing<'a>,
        listener: &mut impl Listener,
    ) -> Result<(), No<'a>> {
        let thing = Things::of(effect);
        for (index, rule) in self.candidates(&self.deny, effect, &thing) {
            match closes((index, rule), effect, &thing, matter, weighing) {
                None => (),
                Some(said) => {
                    listener.rule(&rule.name, said);
                    match said {
                        Said::Denies if rule.mode == Mode::Observe => {
                            weighing.observed.get_or_insert((rule, effect));
                        }
                        Said::Denies => return Err(No::Rule(rule)),
                        _ => (),
                    }
                }
            }
        }
        let held = self.holding(effect, &thing, matter, weighing, listener);
        if needs_no_rule(effect) {
            if effect.kind == Kind::Fetch {
                weighing.limits = weighing.limits.tighter(self.tightest);
            }
            self.suits(effect, matter, weighing)?;
        } else {
            self.find_leave(effect, &thing, matter, &held, weighing, listener)?;
        }
        weighing.hold(&held, effect);
        Ok(())
    }

    /// The rules that hold this. A maybe is enough, as it is to deny.
    fn holding<'a>(
        &'a self,
        effect: &Effect,
        thing: &Things<'_>,
        matter: &mut Matter<'_>,
        weighing: &mut Weighing<'_>,
        listener: &mut impl Listener,
    ) -> Vec<Holding<'a>> {
        let mut holding = Vec::new();
        for (index, rule) in self.candidates(&self.hold, effect, thing) {
            let said = match closes((index, rule), effect, thing, matter, weighing) {
                None => continue,
                Some(Said::Denies) => Said::Holds,
                Some(Said::Spares) => Said::SparesHold,
                Some(said) => said,
            };
            listener.rule(&rule.name, said);
            if said == Said::Holds {
                let opens = !self.doubted.contains(&index)
                    && rule.is_about(effect, thing, That::Opening) == Certainty::Yes
                    && matter.when(index, rule, weighing) == Certainty::Yes
                    && rule.surely_lacks(effect, &matter.asked);
                holding.push(Holding { index, rule, opens });
            }
        }
        holding
    }

    fn find_leave<'a>(
        &'a self,
        effect: &'a Effect,
        thing: &Things<'_>,
        matter: &mut Matter<'_>,
        held: &[Holding<'a>],
        weighing: &mut Weighing<'_>,
        listener: &mut impl Listener,
    ) -> Result<(), No<'a>> {
        let mut reason = No::NothingAllows;
        let mut by_columns = Vec::new();
        let held = held.iter().filter(|held| held.opens).map(|held| held.rule);
        let mut allowed = held.clone().any(|rule| rule.on.columns.is_empty());
        for (index, rule) in self.candidates(&self.allow, effect, thing) {
            let said = allows((index, rule), effect, thing, matter, weighing);
            match said {
                None => continue,
                Some(said) => listener.rule(&rule.name, said),
            }
            match said {
                Some(Said::Allows) if self.tightest.is_none() => {
                    weighing.credit(index);
                    return Ok(());
                }
                Some(Said::Allows) => {
                    if !allowed {
                        weighing.credit(index);
                    }
                    allowed = true;
                }
                Some(Said::AllowsColumns) => by_columns.push((index, rule)),
                Some(Said::MightAllow) => reason = reason.or(No::Unresolved),
                Some(Said::Lacks(condition)) => reason = reason.or(No::Condition(rule, condition)),
                _ => reason = reason.or(No::When(rule)),
            }
            // One that may be about it bounds it, for it might be the only one that does.
            if matches!(said, Some(Said::Allows | Said::AllowsColumns | Said::MightAllow | Said::MightHold)) {
                weighing.limits = weighing.limits.tighter(rule.limits);
            }
        }
        if allowed {
            return Ok(());
        }
        let opening: Vec<&Rule> = by_columns.iter().map(|(_, rule)| *rule).chain(held).collect();
        if opening.is_empty() {
            return Err(reason);
        }
        every_column_is_open(effect, &opening)?;
        by_columns.iter().for_each(|(index, _)| weighing.credit(*index));
        Ok(())
    }

    /// Where nothing is allowed in a transaction that can write, none is begun.
    fn suits(
        &self,
        effect: &Effect,
        matter: &Matter<'_>,
        weighing: &mut Weighing<'_>,
    ) -> Result<(), No<'static>> {
        let modes = match (&effect.on, effect.kind) {
            _ if self.writing == Writing::Perhaps => return Ok(()),
            (On::Transaction(modes), Kind::Begin | Kind::SetTransaction) => *modes,
            (_, Kind::Begin) => TransactionModes::default(),
            _ => return Ok(()),
        };
        match (modes.access, effect.kind) {
            (Some(TransactionAccess::ReadOnly), _) => return Ok(()),
            (None, Kind::Begin) => {
                weighing.lasting = Some(Lasting::Once);
                if matter.asked.is_read_only() {
                    return Ok(());
                }
            }
            (None, _) => return Ok(()),
            (Some(TransactionAccess::ReadWrite), _) => (),
        }
        Err(No::Writable)
    }

    fn candidates(
        &self,
        bench: &Bench,
        effect: &Effect,
        thing: &Things<'_>,
    ) -> impl Iterator<Item = (usize, &Rule)> {
        let found = bench.candidates(effect.kind, thing.listed_as());
        found.filter_map(|index| self.rules.get(index).map(|rule| (index, rule)))
    }
}

/// A rule that holds an effect.
pub(super) struct Holding<'a> {
    pub(super) index: usize,
    rule: &'a Rule,
    /// Whether it opens what it holds, once people have said yes. For that a maybe is not enough.
    opens: bool,
}

/// A maybe is enough to deny or to hold.
fn closes(
    (index, rule): (usize, &Rule),
    effect: &Effect,
    thing: &Things<'_>,
    matter: &mut Matter<'_>,
    weighing: &mut Weighing<'_>,
) -> Option<Said> {
    if rule.is_about(effect, thing, That::Closing).min(rule.on.touches(&effect.columns)) == Certainty::No {
        return None;
    }
    if matter.when(index, rule, weighing) == Certainty::No {
        return Some(Said::DoesNotHold);
    }
    let spared = !rule.conditions.is_empty() && matter.meets(rule, effect, weighing).is_ok();
    Some(if spared { Said::Spares } else { Said::Denies })
}

/// Only what is certain allows.
fn allows(
    (index, rule): (usize, &Rule),
    effect: &Effect,
    thing: &Things<'_>,
    matter: &mut Matter<'_>,
    weighing: &mut Weighing<'_>,
) -> Option<Said> {
    let about = rule.is_about(effect, thing, That::Opening);
    if about == Certainty::No {
        return None;
    }
    let said = match (about, matter.when(index, rule, weighing)) {
        (_, Certainty::No) => Said::DoesNotHold,
        (Certainty::No | Certainty::Maybe, _) => Said::MightAllow,
        (Certainty::Yes, Certainty::Maybe) => Said::MightHold,
        (Certainty::Yes, Certainty::Yes) => match matter.meets(rule, effect, weighing) {
            Err(condition) => Said::Lacks(condition),
            Ok(()) if rule.on.columns.is_empty() => Said::Allows,
            Ok(()) => Said::AllowsColumns,
        },
    };
    Some(said)
}

impl Matter<'_> {
    /// Whether a rule's `when` is true of this statement. It is asked once, however many effects there are.
    fn when(&mut self, index: usize, rule: &Rule, weighing: &mut Weighing<'_>) -> Certainty {
        let Some(when) = &rule.when else { return Certainty::Yes };
        if when.is_momentary() {
            weighing.lasting = Some(Lasting::Once);
        }
        if let Some((_, known)) = self.whens.iter().find(|(known, _)| *known == index) {
            return *known;
        }
        let holds = when.holds(&self.asked);
        self.whens.push((index, holds));
        holds
    }

    fn meets(&self, rule: &Rule, effect: &Effect, weighing: &mut Weighing<'_>) -> Result<(), Condition> {
        if rule.conditions.iter().copied().any(Condition::is_momentary) {
            weighing.lasting = Some(Lasting::Once);
        }
        rule.meets(effect, &self.asked)
    }
}

/// Each column needs some rule; together the rules must open all.
fn every_column_is_open<'a>(effect: &'a Effect, rules: &[&Rule]) -> Result<(), No<'a>> {
    let is_open = |column: Option<&str>| rules.iter().any(|rule| rule.on.opens(column));
    match &effect.columns {
        Columns::These(names) => match names.iter().find(|name| !is_open(Some(name))) {
            Some(closed) => Err(No::Column(closed)),
            None => Ok(()),
        },
        Columns::All if is_open(None) => Ok(()),
        Columns::All => Err(No::AllColumns),
        // Whoever opens some columns has not opened the whole row.
        Columns::None | Columns::Unknown => Err(No::NothingAllows),
    }
}

/// Functions that only compute, and `set_config` where the setting that it names is an effect of its own.
fn is_harmless(function: &Function) -> bool {
    let names_it = matches!(function.arguments.first(), Some(Argument::Constant(_)));
    match &function.nature {
        Nature::Harmless => true,
        Nature::Powers(powers) => names_it && *powers == [Power::ChangesSettings],
        Nature::Unknown => false,
    }
}

/// What carries nothing but the effects beside it, and what concerns only the agent's own session. A rule can deny it;
/// none has to allow it.
fn needs_no_rule(effect: &Effect) -> bool {
    match (effect.kind, &effect.on) {
        (Kind::Function | Kind::Call, On::Function(function)) => is_harmless(function),
        (Kind::Set | Kind::Reset, On::Setting(setting)) => is_harmless_setting(setting),
        (kind, _) => matches!(
            kind,
            Kind::Begin
                | Kind::Commit
                | Kind::Rollback
                | Kind::Savepoint
                | Kind::SetTransaction
                | Kind::SetConstraints
                | Kind::Explain
                | Kind::ExplainAnalyze
                | Kind::Prepare
                | Kind::Execute
                | Kind::Deallocate
                | Kind::DeclareCursor
                | Kind::Fetch
                | Kind::Move
                | Kind::CloseCursor
                | Kind::CopyIn
                | Kind::CopyOut
                | Kind::Merge
                | Kind::Show
                | Kind::Discard
                | Kind::Unlisten
        ),
    }
}
