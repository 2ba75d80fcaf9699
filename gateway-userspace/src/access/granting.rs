//! The one place where a connection comes by its lease, and where it waits while it cannot yet.

use gateway_audit::control::Asker;
use gateway_audit::event::{ActsFor, Event};
use gateway_policy::access::{Access as Decision, NoLease, Request, ahead, decide};
use thiserror::Error;

use super::books::{Books, Crowded, Open};
use super::lease::{Lease, Until, now};
use super::seat::Seat;
use super::{Access, RequestQuestion, store};
use crate::audit::RecordError;
use crate::random;
use crate::state::StateError;

/// What a connection is for, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bid<'a> {
    pub person: Option<&'a str>,
    /// None where the target's protocol is not understood.
    pub database: Option<&'a str>,
    /// What the session is called in the records.
    pub session: Option<&'a str>,
}

/// How kills, locks and leases call the person that a connection is made for: by the address if there is one.
pub fn person(acts_for: &ActsFor) -> &str {
    acts_for.email.as_deref().unwrap_or(&acts_for.subject)
}

/// Why a connection has no lease. The sentences are for the agent too.
#[derive(Debug, Error)]
pub enum NotLeased {
    #[error("access is locked by an operator")]
    Locked,
    #[error("this needs a lease that somebody has given ahead")]
    NotGivenAhead { rule: String },
    #[error("the lease has as many sessions as it gives")]
    Full,
    #[error("there are too many leases of this agent at this target")]
    Crowded,
    #[error("the connection is over")]
    Over,
    #[error("the gateway has no random numbers")]
    Random(#[source] std::io::Error),
    #[error("the lease cannot be written down")]
    State(#[from] StateError),
    #[error("the lease cannot be recorded")]
    Record(#[from] RecordError),
}

impl From<Crowded> for NotLeased {
    fn from(_: Crowded) -> Self {
        Self::Crowded
    }
}

/// How far one look at the books leads.
enum Found {
    Joined(Option<String>),
    /// There is none, and this one may be made.
    Missing(Box<Lease>),
}

impl Access {
    /// Finds or makes the lease of a connection. Returns its name, if it outlives the connection.
    pub async fn admit(&self, seat: &Seat, bid: Bid<'_>) -> Result<Option<String>, NotLeased> {
        if let Found::Joined(lease) = self.look(seat, bid)? {
            return Ok(lease);
        }
        let _turn = self.turn.lock().await;
        let lease = match self.look(seat, bid)? {
            Found::Joined(lease) => return Ok(lease),
            Found::Missing(lease) => *lease,
        };
        if lease.lasts() {
            self.write(&lease).await?;
        }
        self.books().open(lease);
        match self.look(seat, bid)? {
            Found::Joined(lease) => Ok(lease),
            // Its time was over before it began.
            Found::Missing(_) => Err(NotLeased::Over),
        }
    }

    /// What a connection is for, in the words of whoever asked for its lease.
    pub fn purpose(&self, seat: &Seat) -> Option<String> {
        let mut books = self.books();
        let lease = books.places.get(&seat.number)?.lease.clone()?;
        books.find_mut(&lease)?.lease.purpose.clone()
    }

    /// On the disk first, then in the records, and only then given. A gateway that is killed in between has given nothing.
    async fn write(&self, lease: &Lease) -> Result<(), NotLeased> {
        let kept = lease.clone();
        self.state.run(move |file| store::add(file, &kept)).await?;
        let _recorded = self.recorder.record(Event::LeaseGiven(lease.told())).await?;
        let id = lease.id.clone();
        self.state.run(move |file| store::recorded(file, &id)).await?;
        Ok(())
    }

    fn look(&self, seat: &Seat, bid: Bid<'_>) -> Result<Found, NotLeased> {
        let rules = self.rules();
        let clock = &*self.clock;
        let mut books = self.books();
        let place = books.places.get_mut(&seat.number).ok_or(NotLeased::Over)?;
        place.person = bid.person.map(str::to_owned);
        place.session = bid.session.map(str::to_owned);
        let (agent, target) = (place.agent.clone(), place.target.clone());
        if books.lock_on(&agent, bid.person, &target).is_some() {
            return Err(NotLeased::Locked);
        }
        let request = Request { agent: &agent, target: &target, database: bid.database, now: now(clock) };
        let asked = |open: &&Open| open.lease.by.is_some() && open.covers(bid) && !open.lease.is_over(clock);
        let full = match books.best(&request, asked) {
            Best::Room(id) => {
                books.join(seat.number, &agent, &target, &id);
                return Ok(Found::Joined(Some(id)));
            }
            Best::Full => true,
            Best::None => false,
        };
        let terms = match decide(&rules, &request) {
            Decision::Lease(terms) => terms,
            Decision::Denied(_) if full => return Err(NotLeased::Full),
            Decision::Denied(NoLease::NotGivenAhead { rule }) => {
                return Err(NotLeased::NotGivenAhead { rule });
            }
        };
        let own = |open: &&Open| open.lease.by.is_none() && open.is_of(bid) && !open.lease.is_over(clock);
        match books.best(&request, own) {
            Best::Room(id) => {
                books.join(seat.number, &agent, &target, &id);
                let lasts = books.find_mut(&id).is_some_and(|open| open.lease.lasts());
                Ok(Found::Joined(lasts.then_some(id)))
            }
            Best::Full => Err(NotLeased::Full),
            Best::None => {
                books.room(&agent, &target)?;
                Ok(Found::Missing(Box::new(Lease {
                    id: fresh_id()?,
                    agent: agent.clone(),
                    person: bid.person.map(str::to_owned),
                    target: target.clone(),
                    database: bid.database.map(str::to_owned),
                    purpose: None,
                    given: request.now,
                    until: terms.until.map(|wall| Until::new(wall, clock)),
                    sessions: terms.sessions,
                    rules: terms.rules,
                    by: None,
                })))
            }
        }
    }

    /// Gives a lease ahead. The same is not given twice: it can be extended.
    pub async fn request(&self, asked: &RequestQuestion, by: Asker) -> Result<Lease, NotGiven> {
        let _turn = self.turn.lock().await;
        let lease = {
            let (rules, clock) = (self.rules(), &*self.clock);
            let RequestQuestion { agent, target, database, purpose, seconds } = asked;
            let request = Request { agent, target, database: database.as_deref(), now: now(clock) };
            let terms = ahead(&rules, &request, seconds.saturating_mul(1000));
            let books = self.books();
            let same = |open: &&Open| {
                let lease = &open.lease;
                lease.by.is_some()
                    && lease.database == *database
                    && lease.purpose.as_ref() == Some(purpose)
                    && !lease.is_over(clock)
            };
            if let Some(open) = books.of(agent, target).find(same) {
                return Err(NotGiven::Given { lease: open.lease.id.clone() });
            }
            books.room(agent, target).map_err(NotLeased::from)?;
            Lease {
                id: fresh_id()?,
                agent: agent.clone(),
                person: None,
                target: target.clone(),
                database: database.clone(),
                purpose: Some(purpose.clone()),
                given: request.now,
                until: terms.until.map(|wall| Until::new(wall, clock)),
                sessions: terms.sessions,
                rules: terms.rules,
                by: Some(by),
            }
        };
        self.write(&lease).await?;
        self.books().open(lease.clone());
        Ok(lease)
    }
}

/// Why a lease was not given ahead.
#[derive(Debug, Error)]
pub enum NotGiven {
    #[error("lease {lease} gives that already")]
    Given { lease: String },
    #[error(transparent)]
    NotLeased(#[from] NotLeased),
}

/// What the leases that fit have to offer.
enum Best {
    /// The one that lasts longest of those that have room.
    Room(String),
    Full,
    None,
}

impl Books {
    fn best(&self, request: &Request<'_>, fits: impl Fn(&&Open) -> bool) -> Best {
        let fitting = || self.of(request.agent, request.target).filter(&fits);
        let longest = fitting()
            .filter(|open| open.has_room())
            .max_by_key(|open| open.lease.until.map_or(u64::MAX, |until| until.wall));
        match longest {
            Some(open) => Best::Room(open.lease.id.clone()),
            None if fitting().next().is_some() => Best::Full,
            None => Best::None,
        }
    }
}

impl Open {
    fn has_room(&self) -> bool {
        self.lease.sessions.is_none_or(|most| self.seats.len() < most as usize)
    }

    /// Whether a lease that was asked for is meant for this. One for some database gives nothing where none is known.
    fn covers(&self, bid: Bid<'_>) -> bool {
        self.lease.database.is_none() || self.lease.database.as_deref() == bid.database
    }

    fn is_of(&self, bid: Bid<'_>) -> bool {
        self.lease.database.as_deref() == bid.database && self.lease.person.as_deref() == bid.person
    }
}

fn fresh_id() -> Result<String, NotLeased> {
    let bytes = random::bytes::<6>().map_err(NotLeased::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
