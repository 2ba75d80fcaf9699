//! All requests, and what may become of each. Pure: no clock, no disk.
//!
//! A change is planned first, as a request that is not in the book yet, so that it can be written down before it holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gateway_policy::approval::{Approver, Fingerprint, Moment, NotApproved, Terms};

use super::request::{Meanwhile, Request, Said, State, Wide, written};
use crate::relay::Bell;

/// Commands that may wait at once, and those of one agent.
const WAITING: usize = 4096;
const WAITING_OF_AGENT: usize = 2048;
/// Requests that are over and still shown.
const OVER: usize = 1000;

/// Somebody who waits for the answer.
#[derive(Debug)]
struct Waiter {
    request: String,
    session: String,
    bell: Arc<Bell>,
    /// When it is told next that it waits.
    told: Moment,
}

#[derive(Debug, Default)]
pub struct Book {
    requests: BTreeMap<String, Request>,
    /// In the order in which they ended.
    over: Vec<String>,
    waiting: HashMap<u64, Waiter>,
    tickets: u64,
}

/// Why an answer has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unheard {
    NoSuchRequest,
    /// It has been answered, or is gone: in words.
    Over(String),
    NotTheirs,
    AlreadySaid,
    /// A rule permits no answer that reaches so far.
    TooFar,
    /// A rule that asked is no rule that holds any more.
    RuleGone(String),
}

/// What a rule says about its answers, by the name of the rule.
pub type TermsOf<'a> = &'a dyn Fn(&str) -> Option<Arc<Terms>>;

impl Book {
    pub fn of(requests: Vec<Request>) -> Self {
        let mut book = Self::default();
        requests.into_iter().for_each(|request| book.put(request));
        book
    }

    pub fn get(&self, id: &str) -> Option<&Request> {
        self.requests.get(id)
    }

    pub fn all(&self) -> impl Iterator<Item = &Request> {
        self.requests.values()
    }

    /// Takes a request over as it is now.
    pub fn put(&mut self, request: Request) {
        let (id, ended) = (request.id.clone(), is_over(&request));
        self.requests.insert(id.clone(), request);
        if ended && !self.over.contains(&id) {
            self.over.push(id);
            if self.over.len() > OVER {
                let oldest = self.over.remove(0);
                self.requests.remove(&oldest);
            }
        }
    }

    /// The same command of the same agent's, about which people are being asked.
    pub fn same(&self, agent: &str, exact: Fingerprint, meanwhile: Meanwhile) -> Option<&Request> {
        let exact = written(exact);
        self.requests.values().find(|request| {
            request.is_pending()
                && request.exact == exact
                && request.agent == agent
                && request.meanwhile == meanwhile
        })
    }

    /// Answers that may let a command run which nobody was asked about now.
    pub fn remembered(&self, agent: &str, exact: Fingerprint, shape: Fingerprint) -> Vec<Request> {
        let (exact, shape) = (written(exact), written(shape));
        let fits = |request: &&Request| match request.state {
            State::Approved { reach: Wide::Once, .. } => {
                request.exact == exact && request.meanwhile == Meanwhile::ComesAgain
            }
            State::Approved { .. } => request.shape == shape,
            _ => false,
        };
        self.requests.values().filter(|request| request.agent == agent).filter(fits).cloned().collect()
    }

    pub fn has_room(&self, agent: &str) -> Result<(), NotApproved> {
        let pending = || self.requests.values().filter(|request| request.is_pending());
        let waiting = self.waiting.len().max(pending().count());
        let own = pending().filter(|request| request.agent == agent).count();
        let full = waiting >= WAITING || own >= WAITING_OF_AGENT;
        if full { Err(NotApproved::TooMany) } else { Ok(()) }
    }

    /// Lets a session wait for the answer to a request.
    pub fn wait(&mut self, request: &str, session: &str, bell: Arc<Bell>, told: Moment) -> u64 {
        self.tickets += 1;
        let (request, session) = (request.to_owned(), session.to_owned());
        self.waiting.insert(self.tickets, Waiter { request, session, bell, told });
        self.tickets
    }

    /// A session waits no more. Returns the request if nobody else waits for it.
    pub fn leave(&mut self, ticket: u64) -> Option<&Request> {
        let waiter = self.waiting.remove(&ticket)?;
        let others = self.waiting.values().any(|other| other.request == waiter.request);
        if others { None } else { self.requests.get(&waiter.request) }
    }

    /// The request that a session waits for, and that session.
    pub fn waited_for(&self, ticket: u64) -> Option<(&Request, &str)> {
        let waiter = self.waiting.get(&ticket)?;
        Some((self.requests.get(&waiter.request)?, &waiter.session))
    }

    pub fn waiters(&self, request: &str) -> usize {
        self.waiting.values().filter(|waiter| waiter.request == request).count()
    }

    /// Whether a session is to be told now that it waits.
    pub fn is_told(&mut self, ticket: u64, now: Moment, next: Moment) -> bool {
        match self.waiting.get_mut(&ticket) {
            Some(waiter) if waiter.told <= now => {
                waiter.told = next;
                true
            }
            _ => false,
        }
    }

    /// Whoever waits for this request is to look again.
    pub fn bells(&self, request: &str) -> Vec<Arc<Bell>> {
        let waiters = self.waiting.values().filter(|waiter| waiter.request == request);
        waiters.map(|waiter| Arc::clone(&waiter.bell)).collect()
    }

    /// Whoever has something to be told by now.
    pub fn due(&self, now: Moment) -> Vec<Arc<Bell>> {
        let due = self.waiting.values().filter(|waiter| waiter.told <= now);
        due.map(|waiter| Arc::clone(&waiter.bell)).collect()
    }

    /// Requests for which time is up.
    pub fn timed_out(&self, now: Moment) -> Vec<Request> {
        let late = |request: &&Request| match request.state {
            State::Pending => now.0 >= request.until_ms,
            State::Approved { until_ms, .. } => now.0 >= until_ms,
            _ => false,
        };
        let over = |request: &Request| {
            let state = match request.state {
                State::Approved { .. } => State::Withdrawn { why: "the answer's time was over".to_owned() },
                _ => State::TimedOut,
            };
            Request { state, ..request.clone() }
        };
        self.requests.values().filter(late).map(over).collect()
    }

    /// The next moment at which something is to be done.
    pub fn next_due(&self) -> Option<Moment> {
        let told = self.waiting.values().map(|waiter| waiter.told);
        let ends = self.requests.values().filter_map(|request| match request.state {
            State::Pending => Some(Moment(request.until_ms)),
            State::Approved { until_ms, .. } => Some(Moment(until_ms)),
            _ => None,
        });
        told.chain(ends).min()
    }

    /// The request after this person's yes, and how many more are needed.
    pub fn approved(
        &self,
        id: &str,
        by: &Approver,
        wide: Wide,
        now: Moment,
        terms_of: TermsOf<'_>,
    ) -> Result<(Request, usize), Unheard> {
        let (request, terms) = self.answerable(id, by, now, terms_of)?;
        if terms.iter().any(|terms| !terms.permit_reach(wide.into())) {
            return Err(Unheard::TooFar);
        }
        if request.yes.iter().any(|said| said.person == by.person) {
            return Err(Unheard::AlreadySaid);
        }
        let mut request = request.clone();
        let Approver { person, groups, unix_groups } = by.clone();
        request.yes.push(Said { person, groups, unix_groups, at_ms: now.0 });
        let yes: Vec<_> = request.yes.iter().map(Into::into).collect();
        let own: Vec<Arc<str>> = request.person.iter().map(|name| name.as_str().into()).collect();
        let missing = terms.iter().map(|terms| terms.missing(&yes, Moment(request.asked_ms), &own)).max();
        let missing = missing.unwrap_or(usize::MAX);
        if missing == 0 {
            let lasts = terms.iter().map(|terms| terms.lasts).min().unwrap_or_default();
            request.state = State::Approved { reach: wide, until_ms: now.after(lasts).0 };
        }
        Ok((request, missing))
    }

    pub fn denied(
        &self,
        id: &str,
        by: &Approver,
        reason: Option<String>,
        now: Moment,
        terms_of: TermsOf<'_>,
    ) -> Result<Request, Unheard> {
        let (request, _) = self.answerable(id, by, now, terms_of)?;
        let state = State::Denied { by: by.person.clone(), reason };
        Ok(Request { state, ..request.clone() })
    }

    /// The request, if this person's word counts for one of the rules that asked.
    fn answerable(
        &self,
        id: &str,
        by: &Approver,
        now: Moment,
        terms_of: TermsOf<'_>,
    ) -> Result<(&Request, Vec<Arc<Terms>>), Unheard> {
        let request = self.requests.get(id).ok_or(Unheard::NoSuchRequest)?;
        if !request.is_pending() {
            return Err(Unheard::Over(in_words(&request.state)));
        }
        if now.0 >= request.until_ms {
            return Err(Unheard::Over(in_words(&State::TimedOut)));
        }
        let mut terms = Vec::new();
        for rule in &request.rules {
            terms.push(terms_of(rule).ok_or_else(|| Unheard::RuleGone(rule.clone()))?);
        }
        let own: Vec<Arc<str>> = request.person.iter().map(|name| name.as_str().into()).collect();
        if !terms.iter().any(|terms| terms.hear(by, Moment(request.asked_ms), now, &own)) {
            return Err(Unheard::NotTheirs);
        }
        Ok((request, terms))
    }
}

fn is_over(request: &Request) -> bool {
    !matches!(request.state, State::Pending | State::Approved { .. })
}

pub fn in_words(state: &State) -> String {
    match state {
        State::Pending => "it waits for an answer".to_owned(),
        State::Approved { .. } => "it is approved already".to_owned(),
        State::Denied { by, .. } => format!("{by} has said no"),
        State::TimedOut => "it was not answered in time".to_owned(),
        State::Withdrawn { why } => format!("it was withdrawn: {why}"),
        State::Used => "it was approved, and has run".to_owned(),
    }
}
