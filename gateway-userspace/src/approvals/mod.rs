//! Commands that wait for people: who is asked, what they answered, and who hears of it.
//!
//! `book.rs` says what may become of a request, `request.rs` what one is, `store.rs` keeps them, `fingerprints.rs` is what an
//! answer is bound to, `counter.rs` is where a session asks, `calls.rs` where people answer. Whether an answer is enough,
//! `gateway_policy::approval` says and nobody else.
//!
//! Every change is on the disk before it holds, and an event in the records. The exception is that a yes was used by a
//! session that waited for it: it is bound to that session, which does not outlive the gateway.

mod book;
pub mod calls;
pub mod counter;
mod fingerprints;
mod request;
mod store;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, UNIX_EPOCH};

use gateway_audit::approval::{Approval, Step};
use gateway_audit::event::Event;
use gateway_audit::session::OfSession;
use gateway_policy::approval::{Approver, Fingerprint, Moment, NotApproved, Terms};
use gateway_policy::policy::Policy;
use tokio::sync::Notify;

use book::Book;
pub use book::Unheard;
pub use request::{Effect, Meanwhile, Request, State, Wide};
pub use store::PART;

use crate::audit::Recorder;
use crate::config::Config;
use crate::relay::Bell;
use crate::report::one_line;
use crate::state::{self, StateError};
use crate::sys::clock::Clock;

/// How often an agent hears that its command still waits.
const NOTICES: Duration = Duration::from_secs(10);
/// The shortest sleep of whoever watches the time, and the longest.
const REST: Duration = Duration::from_millis(50);
const SLEEP: Duration = Duration::from_secs(5);

/// All requests of this gateway.
#[derive(Debug)]
pub struct Approvals {
    book: Mutex<Book>,
    /// Held by whoever answers, from the look at a request to its change.
    answering: Mutex<()>,
    policy: RwLock<Arc<Policy>>,
    state: state::State,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
    changed: Notify,
}

/// How a request stands for a session that waits.
pub enum Standing {
    Pending,
    Over(Box<Request>),
}

impl Approvals {
    /// With what is kept of an earlier gateway. Sessions that waited then are gone.
    pub fn open(
        state: state::State,
        recorder: Recorder,
        clock: Arc<dyn Clock>,
        config: &Config,
    ) -> Result<Arc<Self>, StateError> {
        let requests = state.run_first(store::all)?;
        let gone = |request: &Request| {
            let waits = request.meanwhile == Meanwhile::Waits;
            let for_session =
                matches!(request.state, State::Approved { reach: Wide::Session | Wide::Once, .. });
            (waits && (request.is_pending() || for_session))
                || matches!(request.state, State::Approved { reach: Wide::Session, .. })
        };
        let (gone, kept): (Vec<_>, Vec<_>) = requests.into_iter().partition(gone);
        let why = "the gateway was started again, and the session is gone";
        let gone: Vec<_> = gone
            .into_iter()
            .map(|request| Request { state: State::Withdrawn { why: why.to_owned() }, ..request })
            .collect();
        let written = gone.clone();
        state.run_first(move |file| written.iter().try_for_each(|request| store::put(file, request)))?;
        let approvals = Self {
            book: Mutex::new(Book::of(kept)),
            answering: Mutex::new(()),
            policy: RwLock::new(Arc::new(config.policy())),
            state,
            recorder,
            clock,
            changed: Notify::new(),
        };
        for request in gone {
            approvals.tell(&request, Step::Withdrawn { why: why.to_owned() });
            approvals.book().put(request);
        }
        Ok(Arc::new(approvals))
    }

    /// From now on other rules say who may answer. Whoever waits is judged again.
    pub fn replace(&self, config: &Config) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config.policy());
        let waiting: Vec<String> =
            self.book().all().filter(|it| it.is_pending()).map(|it| it.id.clone()).collect();
        waiting.iter().for_each(|id| self.ring(id));
    }

    /// Keeps the time, for as long as it is polled.
    pub async fn keep(self: Arc<Self>) {
        loop {
            let next = self.book().next_due();
            let now = self.now();
            let wait = next
                .map_or(SLEEP, |next| Duration::from_millis(next.0.saturating_sub(now.0)).clamp(REST, SLEEP));
            // Whichever comes first; both mean to look.
            let _ = tokio::time::timeout(wait, self.changed.notified()).await;
            let approvals = Arc::clone(&self);
            let _ = tokio::task::spawn_blocking(move || approvals.look_at_the_time()).await;
        }
    }

    fn look_at_the_time(&self) {
        let now = self.now();
        let _answering = lock(&self.answering);
        let late = self.book().timed_out(now);
        for request in late {
            if let Err(error) = self.change(request.clone()) {
                // Nobody can answer it any more all the same.
                tracing::error!(error = one_line(&error), "cannot keep that a request has timed out");
                continue;
            }
            let step = match &request.state {
                State::Withdrawn { why } => Step::Withdrawn { why: why.clone() },
                _ => Step::TimedOut,
            };
            self.tell(&request, step);
            self.ring(&request.id);
        }
        let due = self.book().due(now);
        due.iter().for_each(|bell| bell.ring());
    }

    pub fn now(&self) -> Moment {
        let since = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Asks people, or joins those who ask the same. Blocks until it is on the disk. Whoever waits has a ticket.
    fn ask(
        &self,
        request: Request,
        exact: Fingerprint,
        asked: Step,
        waits: Option<&Arc<Bell>>,
    ) -> Result<(String, Option<u64>), NotApproved> {
        let session = request.session.clone();
        let _answering = lock(&self.answering);
        let same = self.book().same(&request.agent, exact, request.meanwhile).cloned();
        let (request, step) = match same {
            Some(same) => {
                (Request { times: same.times + 1, ..same }, Step::Joined { command: request.command })
            }
            None => {
                self.book().has_room(&request.agent)?;
                (request, asked)
            }
        };
        let kept = self.record(&request, step).and_then(|()| self.change(request.clone()).map_err(|_| ()));
        self.changed.notify_one();
        kept.map_err(|()| NotApproved::NotKept)?;
        let told = self.now().after(NOTICES);
        let ticket = waits.map(|bell| self.book().wait(&request.id, &session, Arc::clone(bell), told));
        Ok((request.id, ticket))
    }

    fn standing(&self, ticket: u64) -> Option<Standing> {
        let book = self.book();
        let (request, _) = book.waited_for(ticket)?;
        let pending = request.is_pending() && self.now().0 < request.until_ms;
        Some(if pending { Standing::Pending } else { Standing::Over(Box::new(request.clone())) })
    }

    fn is_told(&self, ticket: u64) -> bool {
        let now = self.now();
        self.book().is_told(ticket, now, now.after(NOTICES))
    }

    /// A session that waited has its permit.
    fn used_by_waiter(&self, ticket: u64) {
        let used = {
            let mut book = self.book();
            let last = book.leave(ticket).cloned();
            let once = |request: &Request| matches!(request.state, State::Approved { reach: Wide::Once, .. });
            last.filter(once).map(|request| Request { state: State::Used, ..request })
        };
        if let Some(used) = used {
            self.book().put(used.clone());
            // It is bound to a session of this gateway, so that nothing is lost if this is.
            self.state.begin(move |file| store::put(file, &used));
        }
    }

    /// Uses a remembered yes up, which can be done once. Blocks until it is on the disk.
    fn use_up(&self, request: &Request) -> Result<(), NotApproved> {
        let _answering = lock(&self.answering);
        let still = self.book().get(&request.id).is_some_and(|now| now.state == request.state);
        if !still {
            return Err(NotApproved::NotYet);
        }
        match request.state {
            State::Approved { reach: Wide::Once, .. } => {
                let used = Request { state: State::Used, ..request.clone() };
                self.change(used).map_err(|_| NotApproved::NotKept)
            }
            _ => Ok(()),
        }
    }

    /// A session does not wait any more.
    fn withdraw(&self, ticket: u64, why: &str) {
        let _answering = lock(&self.answering);
        let last = self.book().leave(ticket).filter(|request| request.is_pending()).cloned();
        let Some(request) = last else { return };
        let gone = Request { state: State::Withdrawn { why: why.to_owned() }, ..request };
        self.tell(&gone, Step::Withdrawn { why: why.to_owned() });
        self.book().put(gone.clone());
        self.state.begin(move |file| store::put(file, &gone));
    }

    /// A session has ended, and answers for it with it.
    fn session_ended(&self, session: &str) {
        let _answering = lock(&self.answering);
        let for_it = |request: &&Request| {
            request.session == session
                && matches!(request.state, State::Approved { reach: Wide::Session, .. })
        };
        let over: Vec<Request> = self.book().all().filter(for_it).cloned().collect();
        for request in over {
            let gone = Request { state: State::Used, ..request };
            self.book().put(gone.clone());
            self.state.begin(move |file| store::put(file, &gone));
        }
    }

    /// Takes somebody's yes. Returns the request, and how many more are needed.
    pub fn approve(
        &self,
        id: &str,
        by: &Approver,
        uid: u32,
        wide: Wide,
    ) -> Result<(Request, usize), Unheard> {
        let _answering = lock(&self.answering);
        let said = self.book().approved(id, by, wide, self.now(), &self.terms_of());
        let (request, missing) = said.inspect_err(|why| self.not_heard(id, by, uid, why))?;
        let reach = gateway_policy::approval::Reach::from(wide).word().to_owned();
        let step = Step::Approved { by: by.person.clone(), uid, reach, missing: missing as u64 };
        self.answered(&request, step)?;
        Ok((request, missing))
    }

    pub fn deny(
        &self,
        id: &str,
        by: &Approver,
        uid: u32,
        reason: Option<String>,
    ) -> Result<Request, Unheard> {
        let _answering = lock(&self.answering);
        let said = self.book().denied(id, by, reason.clone(), self.now(), &self.terms_of());
        let request = said.inspect_err(|why| self.not_heard(id, by, uid, why))?;
        self.answered(&request, Step::Refused { by: by.person.clone(), uid, reason })?;
        Ok(request)
    }

    fn answered(&self, request: &Request, step: Step) -> Result<(), Unheard> {
        let kept = self.record(request, step).and_then(|()| self.change(request.clone()).map_err(|_| ()));
        kept.map_err(|()| Unheard::Over("the answer could not be written down".to_owned()))?;
        self.ring(&request.id);
        self.changed.notify_one();
        Ok(())
    }

    fn not_heard(&self, id: &str, by: &Approver, uid: u32, why: &Unheard) {
        let request = self.book().get(id).cloned();
        if let Some(request) = request {
            self.tell(&request, Step::NotHeard { by: by.person.clone(), uid, why: why.to_string() });
        }
    }

    pub fn get(&self, id: &str) -> Option<Request> {
        self.book().get(id).cloned()
    }

    pub fn all(&self) -> Vec<Request> {
        self.book().all().cloned().collect()
    }

    pub fn waiters(&self, id: &str) -> usize {
        self.book().waiters(id)
    }

    fn remembered(&self, agent: &str, exact: Fingerprint, shape: Fingerprint) -> Vec<Request> {
        self.book().remembered(agent, exact, shape)
    }

    fn terms_of(&self) -> impl Fn(&str) -> Option<Arc<Terms>> {
        let policy = Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner));
        move |rule| policy.terms(rule).cloned()
    }

    fn ring(&self, id: &str) {
        let bells = self.book().bells(id);
        bells.iter().for_each(|bell| bell.ring());
    }

    /// The disk first, then the book.
    fn change(&self, request: Request) -> Result<(), StateError> {
        let row = request.clone();
        self.state.run_here(move |file| store::put(file, &row))?;
        self.book().put(request);
        Ok(())
    }

    fn record(&self, request: &Request, step: Step) -> Result<(), ()> {
        match self.recorder.record_here(event(request, step)) {
            Ok(_recorded) => Ok(()),
            Err(error) => {
                tracing::error!(error = one_line(&error), "cannot record what became of a request");
                Err(())
            }
        }
    }

    /// Records what has happened already. A failure is in the log.
    fn tell(&self, request: &Request, step: Step) {
        let _ = self.record(request, step);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }
}

fn event(request: &Request, step: Step) -> Event {
    let of = OfSession {
        session: request.session.clone(),
        connection: request.connection,
        agent: request.agent.clone(),
        target: request.target.clone(),
    };
    Event::Approval(Approval { of, request: request.id.clone(), step })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Display for Unheard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchRequest => f.write_str("there is no such request"),
            Self::Over(why) => f.write_str(why),
            Self::NotTheirs => f.write_str("no rule that asked lets you answer"),
            Self::AlreadySaid => f.write_str("you have said yes already; others have to say so as well"),
            Self::TooFar => f.write_str("a rule that asked permits no answer that reaches so far"),
            Self::RuleGone(rule) => write!(f, "rule `{rule}` is gone, so nobody can answer for it"),
        }
    }
}
