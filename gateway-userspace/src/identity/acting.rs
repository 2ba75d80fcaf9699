//! For whom one connection's agent acts, now: it may be shown at the login only, change while the connection is open,
//! and end.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gateway_audit::event::{ActsFor, Proved};
use gateway_policy::person::Person;
use tokio::sync::watch;

use super::unix;
use crate::audit::rfc3339;
use crate::sys::clock::Clock;

/// A person, how that was proved, and until when it holds.
#[derive(Clone)]
pub struct Proven {
    pub person: Arc<Person>,
    pub proved: Proved,
    /// The provider's name in the configuration.
    pub provider: String,
    /// Seconds since 1970.
    pub until: u64,
    /// The same moment on the clock that nobody can set.
    pub deadline: Duration,
    /// Which token it was.
    pub digest: [u8; 32],
}

impl Proven {
    /// On either clock: setting one back does not make anything last longer.
    pub fn is_over(&self, clock: &dyn Clock) -> bool {
        unix(clock) >= self.until || clock.uptime() >= self.deadline
    }

    /// How records tell it.
    pub fn acts_for(&self) -> ActsFor {
        let Person { issuer, subject, name, email, groups } = (*self.person).clone();
        ActsFor { issuer, subject, name, email, groups, proved: self.proved, until: rfc3339(self.until) }
    }
}

/// How it stands.
#[derive(Clone)]
pub enum Standing {
    /// For nobody: the kernel's facts are all that is asked for.
    Attested,
    /// It is shown with the login; what is tried if it is not begins with this source.
    AtLogin {
        next: usize,
    },
    Person(Proven),
}

/// The identity of one connection.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    agent: String,
    tgid: u32,
    standing: watch::Sender<Standing>,
    /// Counts the changes, to be asked before each command.
    edition: AtomicU64,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("agent", &self.0.agent).field("person", &self.person()).finish()
    }
}

impl Identity {
    pub fn new(agent: &str, tgid: u32, standing: Standing) -> Self {
        let (standing, edition) = (watch::Sender::new(standing), AtomicU64::new(0));
        Self(Arc::new(Inner { agent: agent.to_owned(), tgid, standing, edition }))
    }

    pub fn agent(&self) -> &str {
        &self.0.agent
    }

    /// The process that connected.
    pub fn tgid(&self) -> u32 {
        self.0.tgid
    }

    pub fn standing(&self) -> Standing {
        self.0.standing.borrow().clone()
    }

    pub fn news(&self) -> watch::Receiver<Standing> {
        self.0.standing.subscribe()
    }

    /// From now on it stands like this, for the next command too.
    pub fn replace(&self, standing: Standing) {
        self.0.standing.send_replace(standing);
        self.0.edition.fetch_add(1, Ordering::Release);
    }

    pub fn edition(&self) -> u64 {
        self.0.edition.load(Ordering::Acquire)
    }

    /// Whether the agent is asked for a token when it logs in.
    pub fn is_shown_at_login(&self) -> bool {
        matches!(*self.0.standing.borrow(), Standing::AtLogin { .. })
    }

    pub fn person(&self) -> Option<Arc<Person>> {
        match &*self.0.standing.borrow() {
            Standing::Person(proven) => Some(Arc::clone(&proven.person)),
            Standing::Attested | Standing::AtLogin { .. } => None,
        }
    }

    pub fn acts_for(&self) -> Option<ActsFor> {
        match &*self.0.standing.borrow() {
            Standing::Person(proven) => Some(proven.acts_for()),
            Standing::Attested | Standing::AtLogin { .. } => None,
        }
    }
}
