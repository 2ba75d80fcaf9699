//! Where one session asks people about its commands, and hears what they said.

use std::collections::VecDeque;
use std::sync::Arc;

use gateway_audit::approval::{Approval, Step};
use gateway_audit::session::{OfSession, Value};
use gateway_audit::visible::visible;
use gateway_policy::approval;
use gateway_policy::approval::{Answer, Fingerprint, Hold, Matter, NotApproved};
use gateway_policy::command::{Command, Parameter, Stage};
use gateway_policy::judge::{Denial, Permit};
use gateway_protocols::conversation::CommandNumber;

use super::request::{Effect, Meanwhile, Request, State, written};
use super::{Approvals, Standing, fingerprints};
use crate::random;
use crate::relay::Bell;
use crate::session::judging::{Judge, Subject};
use crate::session::record;

/// The longest command that people are asked about, its parameters included.
const LONGEST: usize = 256 * 1024;

/// A session's place to ask.
#[derive(Debug)]
pub struct Counter {
    approvals: Arc<Approvals>,
    bell: Arc<Bell>,
    session: String,
    waiting: Option<Waiting>,
}

/// The command that waits.
#[derive(Debug)]
struct Waiting {
    ticket: u64,
    request: String,
    number: CommandNumber,
    exact: Fingerprint,
    /// What the agent hears first.
    news: Option<String>,
}

/// What is asked about.
pub struct AskedAbout<'a> {
    pub number: CommandNumber,
    pub of: &'a OfSession,
    pub command: &'a Command<'a>,
    pub judge: &'a Judge,
    pub transaction: &'a VecDeque<String>,
}

/// What came of it so far.
pub enum Heard {
    Wait(Hold),
    /// It may run, once it stands in the records that the answer was used.
    Go {
        permit: Permit,
        event: Approval,
    },
    No(Denial),
}

impl Counter {
    pub fn new(approvals: Arc<Approvals>, bell: Arc<Bell>, session: &str) -> Self {
        Self { approvals, bell, session: session.to_owned(), waiting: None }
    }

    /// The number of the command that waits.
    pub fn number(&self) -> Option<CommandNumber> {
        self.waiting.as_ref().map(|waiting| waiting.number)
    }

    /// Nothing waits any more. Returns the number of the command that did.
    pub fn give_up(&mut self, why: &str) -> Option<CommandNumber> {
        let waiting = self.waiting.take()?;
        self.bell.set_waiting(false);
        self.approvals.withdraw(waiting.ticket, why);
        Some(waiting.number)
    }

    /// What the agent is to be told now, if anything.
    pub fn notice(&mut self) -> Option<String> {
        let waiting = self.waiting.as_mut()?;
        if let Some(news) = waiting.news.take() {
            return Some(news);
        }
        let told = self.approvals.is_told(waiting.ticket);
        told.then(|| format!("still waiting for approval (request {})", waiting.request))
    }

    /// Asks about a command, or hears whether the one that waits may run.
    pub fn hear(&mut self, hold: Hold, asked: &AskedAbout<'_>) -> Heard {
        let matter = self.matter(asked);
        match &self.waiting {
            Some(waiting) if waiting.exact == matter.exact => self.look(hold, &matter),
            Some(_) => {
                self.give_up("the session has changed what the command means");
                Heard::No(hold.refused(NotApproved::Withdrawn, None, None))
            }
            None => self.begin(hold, &matter, asked),
        }
    }

    fn matter(&self, asked: &AskedAbout<'_>) -> Matter {
        let subject = asked.judge.subject();
        Matter {
            exact: fingerprints::exact(subject, asked.command),
            shape: fingerprints::shape(subject, asked.command),
            session: self.session.as_str().into(),
            person: own(subject),
        }
    }

    fn look(&mut self, hold: Hold, matter: &Matter) -> Heard {
        let Some(waiting) = &self.waiting else { return Heard::Wait(hold) };
        let (ticket, id) = (waiting.ticket, waiting.request.clone());
        if self.bell.was_cancelled() {
            self.give_up("the agent cancelled it");
            return Heard::No(hold.refused(NotApproved::Withdrawn, Some(&id), None));
        }
        let request = match self.approvals.standing(ticket) {
            Some(Standing::Pending) => return Heard::Wait(hold),
            Some(Standing::Over(request)) => request,
            None => return self.end(&hold, NotApproved::Withdrawn, &id, None),
        };
        match &request.state {
            State::Approved { .. } => match request.answer(&self.session) {
                Some(answer) => self.go(hold, matter, &answer, &request),
                None => self.end(&hold, NotApproved::NotKept, &id, None),
            },
            State::Denied { reason, .. } => self.end(&hold, NotApproved::Denied, &id, reason.as_deref()),
            State::Pending | State::TimedOut => self.end(&hold, NotApproved::TimedOut, &id, None),
            State::Withdrawn { .. } | State::Used => self.end(&hold, NotApproved::Withdrawn, &id, None),
        }
    }

    fn go(&mut self, hold: Hold, matter: &Matter, answer: &Answer, request: &Request) -> Heard {
        let number = self.number();
        let refused = hold.clone();
        match hold.answered(matter, answer, self.approvals.now()) {
            Ok(permit) => {
                if let Some(waiting) = self.waiting.take() {
                    self.bell.set_waiting(false);
                    self.approvals.used_by_waiter(waiting.ticket);
                }
                let step = Step::Used { command: number.map_or(0, |number| number.0) };
                Heard::Go { permit, event: self.event(request, step) }
            }
            // The rules have changed since, and want another answer than the one there is.
            Err(why) => self.end(&refused, NotApproved::Denied, &request.id, Some(why.word())),
        }
    }

    fn end(&mut self, hold: &Hold, why: NotApproved, id: &str, reason: Option<&str>) -> Heard {
        self.give_up(why.word());
        Heard::No(hold.refused(why, Some(id), reason))
    }

    fn begin(&mut self, hold: Hold, matter: &Matter, asked: &AskedAbout<'_>) -> Heard {
        if length(asked.command) > LONGEST {
            return Heard::No(hold.refused(NotApproved::TooLong, None, None));
        }
        let agent = &asked.of.agent;
        for request in self.approvals.remembered(agent, matter.exact, matter.shape) {
            let Some(answer) = request.answer(&self.session) else { continue };
            let Ok(permit) = hold.clone().answered(matter, &answer, self.approvals.now()) else { continue };
            if self.approvals.use_up(&request).is_ok() {
                let event = self.event(&request, Step::Used { command: asked.number.0 });
                return Heard::Go { permit, event };
            }
        }
        self.ask(hold, matter, asked)
    }

    fn ask(&mut self, hold: Hold, matter: &Matter, asked: &AskedAbout<'_>) -> Heard {
        let Ok(id) = random::bytes::<6>() else {
            return Heard::No(hold.refused(NotApproved::NotKept, None, None));
        };
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let request = self.request(id, &hold, matter, asked);
        let (_, parameters) = record::stage(&asked.command.stage);
        let step = Step::Asked {
            command: asked.number.0,
            text: request.text.clone(),
            parameters,
            rules: request.rules.clone(),
            what: request.what.clone(),
        };
        let waits = (request.meanwhile == Meanwhile::Waits).then_some(&self.bell);
        match self.approvals.ask(request, matter.exact, step, waits) {
            Ok((request, Some(ticket))) => {
                self.bell.set_waiting(true);
                let news = format!("{} waits for approval: request {request}", hold.what());
                let news = Some(news);
                self.waiting =
                    Some(Waiting { ticket, request, number: asked.number, exact: matter.exact, news });
                Heard::Wait(hold)
            }
            Ok((id, None)) => Heard::No(hold.refused(NotApproved::NotYet, Some(&id), None)),
            Err(why) => Heard::No(hold.refused(why, None, None)),
        }
    }

    fn request(&self, id: String, hold: &Hold, matter: &Matter, asked: &AskedAbout<'_>) -> Request {
        let subject = asked.judge.subject();
        let now = self.approvals.now();
        let effects = asked.judge.explain(asked.command).map(|explanation| explanation.effects);
        let effect = |explained: gateway_policy::explain::Explained| Effect {
            what: explained.effect,
            details: explained.details,
        };
        let (_, parameters) = record::stage(&asked.command.stage);
        Request {
            id,
            agent: asked.of.agent.clone(),
            person: matter.person.iter().map(ToString::to_string).collect(),
            target: asked.of.target.clone(),
            database: subject.database.clone(),
            session: self.session.clone(),
            connection: asked.of.connection,
            command: asked.number.0,
            text: asked.command.text.to_owned(),
            parameters: parameters.iter().map(shown).collect(),
            what: hold.what().to_owned(),
            effects: effects.into_iter().flatten().map(effect).collect(),
            transaction: asked.transaction.iter().cloned().collect(),
            rules: hold.asking().iter().map(|asking| asking.rule.to_string()).collect(),
            meanwhile: match hold.meanwhile() {
                approval::Meanwhile::Waits => Meanwhile::Waits,
                approval::Meanwhile::Refused => Meanwhile::ComesAgain,
            },
            asked_ms: now.0,
            until_ms: now.after(hold.wait()).0,
            exact: written(matter.exact),
            shape: written(matter.shape),
            state: State::Pending,
            yes: Vec::new(),
            times: 1,
        }
    }

    fn event(&self, request: &Request, step: Step) -> Approval {
        let of = OfSession {
            session: self.session.clone(),
            connection: request.connection,
            agent: request.agent.clone(),
            target: request.target.clone(),
        };
        Approval { of, request: request.id.clone(), step }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.give_up("the agent is gone");
        self.approvals.session_ended(&self.session);
    }
}

/// What the person is called that the agent acts for.
pub(super) fn own(subject: &Subject) -> Vec<Arc<str>> {
    let names = subject.person.iter().flat_map(|person| [Some(&person.subject), person.email.as_ref()]);
    names.flatten().map(|name| name.as_str().into()).collect()
}

fn length(command: &Command<'_>) -> usize {
    let parameters: usize = match command.stage {
        Stage::Prepare => 0,
        Stage::Run(parameters) => parameters.iter().map(bytes).sum(),
    };
    command.text.len() + parameters
}

fn bytes(parameter: &Parameter<'_>) -> usize {
    match parameter {
        Parameter::Null => 0,
        Parameter::Text(bytes) | Parameter::Binary(bytes) => bytes.len(),
    }
}

/// A parameter as people see it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) => format!("'{}'", visible(text)),
        Value::Binary(digits) => format!("\\x{digits}"),
        Value::Long { bytes, sha256 } => format!("{bytes} bytes, SHA-256 {sha256}"),
    }
}
