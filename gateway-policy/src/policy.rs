//! All rules together, and what they say of a message.
//!
//! Deny beats allow, what nothing allows is denied, and order never matters. What is not known never allows.

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::bench::Bench;
use crate::facts::is_harmless_setting;
use crate::facts::{Argument, Columns, Effect, Facts, Function, Kind, Nature, On, Power, Statement};
use crate::judge::{Basis, Because, Denial, Judgement, RuleName};
use crate::pattern::admits;
use crate::refusing::{No, Said};
use crate::rule::{Certainty, Mode, Rule, Stance, Subject, Things};

/// Every rule of the configuration.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Arc<[Rule]>,
    observed: Vec<String>,
}

impl Policy {
    /// At the targets in `observed` nothing is denied; what would have been is told with the permit.
    pub fn new(mut rules: Vec<Rule>, observed: Vec<String>) -> Self {
        // So that what is told never depends on the order in which files were read.
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        Self { rules: rules.into(), observed }
    }

    /// Whether some rule could allow this agent something at this target, in whichever database.
    pub fn allows_something(&self, agent: &str, target: &str) -> bool {
        let concerned = |rule: &&Rule| admits(&rule.agents, agent) && admits(&rule.targets, target);
        self.rules.iter().filter(concerned).any(|rule| rule.stance == Stance::Allow)
    }

    /// What holds for one agent at one database of one target.
    pub fn over(&self, subject: &Subject<'_>) -> Jurisdiction {
        let (mut allow, mut deny) = (Bench::default(), Bench::default());
        for (index, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.concerns(subject)) {
            match rule.stance {
                Stance::Allow => allow.add(index, rule),
                Stance::Deny => deny.add(index, rule),
            }
        }
        let observed = self.observed.iter().any(|name| name == subject.target);
        let mode = if observed { Mode::Observe } else { Mode::Enforce };
        Jurisdiction { rules: Arc::clone(&self.rules), allow, deny, mode }
    }
}

/// The part of a policy that concerns one subject, ready to judge many messages.
#[derive(Debug)]
pub struct Jurisdiction {
    rules: Arc<[Rule]>,
    allow: Bench,
    deny: Bench,
    mode: Mode,
}

/// Hears what is found, while it is found.
pub(crate) trait Listener {
    fn effect(&mut self, _statement: usize, _effect: &Effect) {}
    fn rule(&mut self, _rule: &RuleName, _said: Said) {}
    fn ruling(&mut self, _ruling: Result<(), &Denial>) {}
    fn unknown(&mut self, _denial: &Denial) {}
}

/// Nobody listens while agents wait.
struct Nobody;

impl Listener for Nobody {}

/// What is known of a message while it is weighed.
#[derive(Default)]
struct Weighing<'a> {
    rules: Vec<usize>,
    denied: Option<Denial>,
    /// Put into words at the end: words need to ask what else is allowed.
    observed: Option<(&'a Rule, &'a Effect)>,
}

impl Jurisdiction {
    pub fn judge(&self, facts: &Facts) -> Judgement {
        self.weigh(facts, &mut Nobody)
    }

    /// Finds every effect that is not allowed, and answers with the first.
    pub(crate) fn weigh(&self, facts: &Facts, listener: &mut impl Listener) -> Judgement {
        let mut weighing = Weighing::default();
        if self.allow.is_empty() {
            weighing.deny(Denial {
                message: "nothing is allowed on this target".into(),
                hint: None,
                because: Because::NothingAllows,
            });
        }
        let of_statements = facts.statements.iter().flat_map(|statement| &statement.unknowns);
        for unknown in facts.unknowns.iter().chain(of_statements) {
            let denial = No::Unknown(unknown).denial(self, None);
            listener.unknown(&denial);
            weighing.deny(denial);
        }
        for (number, statement) in facts.statements.iter().enumerate() {
            for effect in &statement.effects {
                listener.effect(number, effect);
                let ruling = self.rule_on(effect, statement, &mut weighing, listener);
                let ruling = ruling.map_err(|no| no.denial(self, Some(effect)));
                listener.ruling(ruling.as_ref().copied());
                if let Err(denial) = ruling {
                    weighing.deny(denial);
                }
            }
        }
        self.conclude(weighing)
    }

    fn conclude(&self, weighing: Weighing<'_>) -> Judgement {
        let Weighing { rules, denied, observed } = weighing;
        match (denied, self.mode) {
            (Some(denial), Mode::Enforce) => Judgement::denied(denial),
            (denied, _) => {
                let names = rules.into_iter().filter_map(|index| self.rules.get(index));
                let rules = names.map(|rule| Arc::clone(&rule.name)).collect();
                let would_deny = || observed.map(|(rule, effect)| No::Rule(rule).denial(self, Some(effect)));
                Judgement::allowed(Basis { rules, observed: denied.or_else(would_deny) })
            }
        }
    }

    /// Whether some rule allows this, if it is asked by itself.
    pub(crate) fn would_allow(&self, effect: &Effect, statement: &Statement) -> bool {
        self.rule_on(effect, statement, &mut Weighing::default(), &mut Nobody).is_ok()
    }

    fn rule_on<'a>(
        &'a self,
        effect: &'a Effect,
        statement: &Statement,
        weighing: &mut Weighing<'a>,
        listener: &mut impl Listener,
    ) -> Result<(), No<'a>> {
        let thing = Things::of(effect);
        for (_, rule) in self.candidates(&self.deny, effect, &thing) {
            match denies(rule, effect, &thing, statement) {
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
        if needs_no_rule(effect) {
            return Ok(());
        }
        self.find_leave(effect, &thing, statement, weighing, listener)
    }

    fn find_leave<'a>(
        &'a self,
        effect: &'a Effect,
        thing: &Things<'_>,
        statement: &Statement,
        weighing: &mut Weighing<'_>,
        listener: &mut impl Listener,
    ) -> Result<(), No<'a>> {
        let mut reason = No::NothingAllows;
        let mut by_columns = Vec::new();
        for (index, rule) in self.candidates(&self.allow, effect, thing) {
            match (rule.is_about(effect, thing), rule.meets(effect, statement)) {
                (Certainty::No, _) => (),
                (Certainty::Maybe, _) => {
                    listener.rule(&rule.name, Said::MightAllow);
                    reason = reason.or(No::Unresolved);
                }
                (Certainty::Yes, Err(condition)) => {
                    listener.rule(&rule.name, Said::Lacks(condition));
                    reason = reason.or(No::Condition(rule, condition));
                }
                (Certainty::Yes, Ok(())) if rule.on.columns.is_empty() => {
                    listener.rule(&rule.name, Said::Allows);
                    weighing.credit(index);
                    return Ok(());
                }
                (Certainty::Yes, Ok(())) => by_columns.push((index, rule)),
            }
        }
        if by_columns.is_empty() {
            return Err(reason);
        }
        by_columns.iter().for_each(|(_, rule)| listener.rule(&rule.name, Said::AllowsColumns));
        every_column_is_open(effect, &by_columns)?;
        by_columns.iter().for_each(|(index, _)| weighing.credit(*index));
        Ok(())
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

impl Weighing<'_> {
    /// The first denial is the one that is told.
    fn deny(&mut self, denial: Denial) {
        self.denied.get_or_insert(denial);
    }

    fn credit(&mut self, rule: usize) {
        if !self.rules.contains(&rule) {
            self.rules.push(rule);
        }
    }
}

/// A maybe is enough to deny.
fn denies(rule: &Rule, effect: &Effect, thing: &Things<'_>, statement: &Statement) -> Option<Said> {
    if rule.is_about(effect, thing).min(rule.on.touches(&effect.columns)) == Certainty::No {
        return None;
    }
    let spared = !rule.conditions.is_empty() && rule.meets(effect, statement).is_ok();
    Some(if spared { Said::Spares } else { Said::Denies })
}

/// Each column needs some rule; together the rules must open all.
fn every_column_is_open<'a>(effect: &'a Effect, rules: &[(usize, &Rule)]) -> Result<(), No<'a>> {
    let is_open = |column: Option<&str>| rules.iter().any(|(_, rule)| rule.on.opens(column));
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
