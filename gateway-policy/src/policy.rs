//! All rules together, and what they say of a message.
//!
//! Deny beats hold beats allow, what nothing allows or holds is denied, and order never matters. What is not known never allows.

mod ruling;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::approval::{Asking, Held, Terms};
use crate::bench::Bench;
use crate::facts::{Effect, Facts, Statement};
use crate::judge::{Basis, Because, Denial, Judgement, Lasting, RuleName};
use crate::limits::Limits;
use crate::pattern::admits;
use crate::person::Person;
use crate::refusing::{No, Said, described};
use crate::rule::{Certainty, Condition, Mode, Rule, Stance, Subject};
use crate::when::{Asked, Circumstances};
use ruling::Holding;

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
        self.rules.iter().filter(concerned).any(|rule| rule.stance != Stance::Deny)
    }

    /// What a rule that holds says about the answer.
    pub fn terms(&self, rule: &str) -> Option<&Arc<Terms>> {
        self.rules.iter().find(|one| *one.name == *rule)?.terms.as_ref()
    }

    /// What holds for one agent at one database of one target.
    pub fn over(&self, subject: &Subject<'_>) -> Jurisdiction {
        let (mut allow, mut hold, mut deny) = (Bench::default(), Bench::default(), Bench::default());
        let mut doubted = Vec::new();
        for (index, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.concerns(subject)) {
            match rule.stance {
                Stance::Allow => allow.add(index, rule),
                Stance::Hold => {
                    hold.add(index, rule);
                    if !rule.surely_concerns(subject) {
                        doubted.push(index);
                    }
                }
                Stance::Deny => deny.add(index, rule),
            }
        }
        let observed = self.observed.iter().any(|name| name == subject.target);
        let mode = if observed { Mode::Observe } else { Mode::Enforce };
        let concerned = || self.rules.iter().filter(|rule| rule.concerns(subject));
        let opening = || concerned().filter(|rule| rule.stance == Stance::Allow);
        let asks = concerned().any(|rule| rule.stance == Stance::Hold);
        let reads = opening().all(|rule| rule.conditions.contains(&Condition::ReadOnly));
        let writing = if reads && !asks { Writing::Never } else { Writing::Perhaps };
        let tightest = opening().fold(Limits::default(), |bounds, rule| bounds.tighter(rule.limits));
        let subject = Who {
            agent: subject.agent.into(),
            person: subject.person.cloned(),
            target: subject.target.into(),
            database: subject.database.into(),
        };
        Jurisdiction {
            rules: Arc::clone(&self.rules),
            subject,
            allow,
            hold,
            deny,
            doubted,
            mode,
            writing,
            tightest,
        }
    }
}

/// The part of a policy that concerns one subject, ready to judge many messages.
#[derive(Debug)]
pub struct Jurisdiction {
    rules: Arc<[Rule]>,
    subject: Who,
    allow: Bench,
    hold: Bench,
    deny: Bench,
    /// Rules that hold, and of which it is not known whether they concern the person. They open nothing.
    doubted: Vec<usize>,
    mode: Mode,
    writing: Writing,
    /// What everything is bounded by of which it cannot be told which rule allowed it.
    tightest: Limits,
}

/// A subject by its own names.
#[derive(Debug)]
struct Who {
    agent: Box<str>,
    person: Option<Person>,
    target: Box<str>,
    database: Box<str>,
}

/// Whether anything could be allowed in a transaction that can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Never,
    Perhaps,
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
    /// Rules that hold, and the first effect that one of them holds.
    holds: Vec<usize>,
    held: Option<&'a Effect>,
    denied: Option<Denial>,
    /// Put into words at the end: words need to ask what else is allowed.
    observed: Option<(&'a Rule, &'a Effect)>,
    limits: Limits,
    lasting: Option<Lasting>,
}

/// One statement while its effects are ruled on, with what was found about it already.
struct Matter<'a> {
    asked: Asked<'a>,
    /// Of rules with a condition, by their place, whether it is true of this statement.
    whens: Vec<(usize, Certainty)>,
}

impl Jurisdiction {
    /// What can be told by the facts alone. Nothing is allowed that also needs to be the right moment.
    pub fn judge(&self, facts: &Facts) -> Judgement {
        self.judge_under(facts, &Circumstances::default())
    }

    /// What holds at the moment of one command; [`Judgement::lasts`] says whether it holds for the next as well.
    pub fn judge_under(&self, facts: &Facts, circumstances: &Circumstances<'_>) -> Judgement {
        self.weigh(facts, circumstances, &mut Nobody)
    }

    /// Finds every effect that is not allowed, and answers with the first.
    pub(crate) fn weigh(
        &self,
        facts: &Facts,
        circumstances: &Circumstances<'_>,
        listener: &mut impl Listener,
    ) -> Judgement {
        let mut weighing = Weighing::default();
        if self.allow.is_empty() && self.hold.is_empty() {
            weighing.deny(nothing());
        }
        let of_statements = facts.statements.iter().flat_map(|statement| &statement.unknowns);
        for unknown in facts.unknowns.iter().chain(of_statements) {
            let denial = No::Unknown(unknown).denial(self, None);
            listener.unknown(&denial);
            weighing.deny(denial);
        }
        for (number, statement) in facts.statements.iter().enumerate() {
            let mut matter = self.matter(statement, facts.statements.len(), circumstances);
            for effect in &statement.effects {
                listener.effect(number, effect);
                let ruling = self.rule_on(effect, &mut matter, &mut weighing, listener);
                let ruling = ruling.map_err(|no| no.denial(self, Some(effect)));
                listener.ruling(ruling.as_ref().copied());
                if let Err(denial) = ruling {
                    weighing.deny(denial);
                }
            }
        }
        // What needs no rule beside an allowed one needs one all the same beside those that hold.
        if self.allow.is_empty() && weighing.held.is_none() {
            weighing.deny(nothing());
        }
        self.conclude(weighing)
    }

    fn matter<'a>(
        &'a self,
        statement: &'a Statement,
        statements: usize,
        circumstances: &Circumstances<'a>,
    ) -> Matter<'a> {
        let Who { agent, person, target, database } = &self.subject;
        let circumstances = *circumstances;
        let person = person.as_ref();
        let asked = Asked { agent, person, target, database, statements, statement, circumstances };
        Matter { asked, whens: Vec::new() }
    }

    fn conclude(&self, weighing: Weighing<'_>) -> Judgement {
        let Weighing { rules, mut holds, held, denied, observed, limits, lasting } = weighing;
        // Nothing ends where nothing is denied.
        let limits = if self.mode == Mode::Observe { Limits::default() } else { limits };
        holds.sort_unstable();
        let first = holds.first().and_then(|index| self.rules.get(*index));
        let names = rules.into_iter().filter_map(|index| self.rules.get(index));
        let rules = names.map(|rule| Arc::clone(&rule.name)).collect();
        let would_deny = || observed.map(|(rule, effect)| No::Rule(rule).denial(self, Some(effect)));
        let judgement = match (denied, first.zip(held), self.mode) {
            (Some(denial), _, Mode::Enforce) => Judgement::denied(denial),
            (None, Some((first, effect)), Mode::Enforce) => {
                let basis = Arc::new(Basis { rules, observed: would_deny(), limits });
                self.held(basis, &holds, first, effect)
            }
            (denied, held, _) => {
                let would_hold = || held.map(|(rule, effect)| No::Held(rule).denial(self, Some(effect)));
                let observed = denied.or_else(would_hold).or_else(would_deny);
                Judgement::allowed(Basis { rules, observed, limits })
            }
        };
        judgement.lasting(lasting.unwrap_or(Lasting::AsRead))
    }

    fn held(&self, basis: Arc<Basis>, holds: &[usize], first: &Rule, effect: &Effect) -> Judgement {
        let rules = holds.iter().filter_map(|index| self.rules.get(*index));
        let asking = rules.map(|rule| Some((Arc::clone(&rule.name), Arc::clone(rule.terms.as_ref()?))));
        match asking.map(|asked| asked.map(|(rule, terms)| Asking { rule, terms })).collect() {
            Some(asking) => Judgement::held(Held { basis, asking, what: described(effect) }),
            // Nobody is named who could say yes.
            None => Judgement::denied(No::Held(first).denial(self, Some(effect))),
        }
    }

    /// Whether some rule allows this, if it is asked by itself and whenever it is asked.
    pub(crate) fn would_allow(&self, statement: &Statement) -> bool {
        let mut matter = self.matter(statement, 1, &Circumstances::default());
        let mut weighing = Weighing::default();
        let allowed = |effect| self.rule_on(effect, &mut matter, &mut weighing, &mut Nobody).is_ok();
        statement.effects.iter().all(allowed) && weighing.held.is_none()
    }
}

impl<'a> Weighing<'a> {
    /// The first denial is the one that is told.
    fn deny(&mut self, denial: Denial) {
        self.denied.get_or_insert(denial);
    }

    fn hold(&mut self, holding: &[Holding<'_>], effect: &'a Effect) {
        for Holding { index, .. } in holding {
            self.held.get_or_insert(effect);
            if !self.holds.contains(index) {
                self.holds.push(*index);
            }
        }
    }

    fn credit(&mut self, rule: usize) {
        if !self.rules.contains(&rule) {
            self.rules.push(rule);
        }
    }
}

fn nothing() -> Denial {
    Denial {
        message: "nothing is allowed on this target".into(),
        hint: None,
        because: Because::NothingAllows,
    }
}
