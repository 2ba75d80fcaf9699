//! What one configuration says of a statement, for commands that ask many times: reach, rules, and whether they are asked
//! at all. It is told by the code that judges sessions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use gateway_policy::facts::Facts;
use gateway_policy::judge::Verdict;
use gateway_policy::policy::{Jurisdiction, Policy};
use gateway_policy::rule;

use crate::config::{Config, Judging};

/// Who asks, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    pub agent: String,
    pub person: Option<Acting>,
    pub target: String,
    pub database: String,
}

/// For whom an agent acts, as far as rules look at it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Acting {
    pub subject: String,
    pub groups: Vec<String>,
}

#[derive(Debug)]
pub struct Court<'a> {
    config: &'a Config,
    policy: Policy,
    seats: RefCell<HashMap<Subject, Rc<Jurisdiction>>>,
}

/// What becomes of a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Allowed,
    /// It is let through, and this no is recorded.
    Observed(String),
    /// It waits for people, with these words.
    Held(String),
    Denied(String),
}

/// The outcome without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    Allowed,
    Observed,
    Held,
    Denied,
}

impl Outcome {
    pub const fn answer(&self) -> Answer {
        match self {
            Self::Allowed => Answer::Allowed,
            Self::Observed(_) => Answer::Observed,
            Self::Held(_) => Answer::Held,
            Self::Denied(_) => Answer::Denied,
        }
    }

    /// Why not, where there is a no.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Allowed => None,
            Self::Observed(why) | Self::Held(why) | Self::Denied(why) => Some(why),
        }
    }
}

impl<'a> Court<'a> {
    pub fn new(config: &'a Config) -> Self {
        Self { config, policy: config.policy(), seats: RefCell::default() }
    }

    /// Whether the agent may reach the target, whatever rules say.
    pub fn reaches(&self, agent: &str, target: &str) -> bool {
        self.config.agents.get(agent).is_some_and(|keys| keys.targets.iter().any(|name| name == target))
    }

    /// Whether the target's protocol is understood, so that there are commands to judge.
    pub fn asks(&self, target: &str) -> bool {
        self.config.postgres.contains_key(target)
    }

    pub fn judge(&self, subject: &Subject, facts: &Facts) -> Outcome {
        if !self.reaches(&subject.agent, &subject.target) {
            let Subject { agent, target, .. } = subject;
            return Outcome::Denied(format!("agent {agent} may not reach target {target}"));
        }
        let keys = self.config.postgres.get(&subject.target);
        if keys.is_some_and(|keys| keys.judging == Judging::Off) {
            return Outcome::Allowed;
        }
        match self.seat(subject).judge(facts).verdict() {
            Verdict::Allow(permit) => match permit.observed() {
                None => Outcome::Allowed,
                Some(denial) => Outcome::Observed(denial.message.clone()),
            },
            Verdict::Hold(hold) => Outcome::Held(format!("{} waits for people", hold.what())),
            Verdict::Deny(denial) => Outcome::Denied(denial.message),
        }
    }

    fn seat(&self, subject: &Subject) -> Rc<Jurisdiction> {
        let mut seats = self.seats.borrow_mut();
        if let Some(seat) = seats.get(subject) {
            return Rc::clone(seat);
        }
        let Subject { agent, person, target, database } = subject;
        let person = person.as_ref().and_then(|one| super::acting_for(Some(&one.subject), &one.groups));
        let asks = rule::Subject { agent, person: person.as_ref(), target, database };
        let seat = Rc::new(self.policy.over(&asks));
        seats.insert(subject.clone(), Rc::clone(&seat));
        seat
    }
}
