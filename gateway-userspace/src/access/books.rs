//! What is open: connections, leases, locks. Whoever asks here holds the lock on it, so nothing here waits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gateway_policy::access::{Access as Decision, LeaseRule, Request, decide};

use super::lease::{Lease, Until};
use super::locks::Lock;
use super::scope::Scope;
use super::seat::Place;
use crate::relay::Cut;
use crate::sys::clock::Clock;

/// Open leases of one agent at one target. The name of a database is the agent's to choose.
const LEASES: usize = 256;

#[derive(Debug)]
pub struct Books {
    pub places: BTreeMap<u64, Place>,
    pub locks: Vec<Lock>,
    leases: HashMap<Pair, Vec<Open>>,
}

/// Whose leases, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pair {
    agent: String,
    target: String,
}

/// A lease and the connections that are open by it.
#[derive(Debug)]
pub struct Open {
    pub lease: Lease,
    pub seats: BTreeSet<u64>,
}

/// There is no room for another lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowded;

impl Books {
    pub fn new(locks: Vec<Lock>) -> Self {
        Self { places: BTreeMap::new(), locks, leases: HashMap::new() }
    }

    pub fn lock_on(&self, agent: &str, person: Option<&str>, target: &str) -> Option<Lock> {
        self.locks.iter().find(|lock| lock.scope.shuts(agent, person, target)).cloned()
    }

    pub fn open(&mut self, lease: Lease) {
        let pair = Pair { agent: lease.agent.clone(), target: lease.target.clone() };
        self.leases.entry(pair).or_default().push(Open { lease, seats: BTreeSet::new() });
    }

    pub fn room(&self, agent: &str, target: &str) -> Result<(), Crowded> {
        if self.of(agent, target).count() < LEASES { Ok(()) } else { Err(Crowded) }
    }

    pub fn of(&self, agent: &str, target: &str) -> impl Iterator<Item = &Open> {
        let pair = Pair { agent: agent.to_owned(), target: target.to_owned() };
        self.leases.get(&pair).into_iter().flatten()
    }

    pub fn all(&self) -> impl Iterator<Item = &Open> {
        self.leases.values().flatten()
    }

    pub fn find_mut(&mut self, id: &str) -> Option<&mut Open> {
        self.leases.values_mut().flatten().find(|open| open.lease.id == id)
    }

    /// A connection is open by this lease from here on.
    pub fn join(&mut self, number: u64, agent: &str, target: &str, id: &str) {
        let pair = Pair { agent: agent.to_owned(), target: target.to_owned() };
        let open = self.leases.get_mut(&pair).into_iter().flatten().find(|open| open.lease.id == id);
        if let (Some(open), Some(place)) = (open, self.places.get_mut(&number)) {
            open.seats.insert(number);
            place.lease = Some(id.to_owned());
        }
    }

    /// A connection is over. A lease that does not last is over with its last one.
    pub fn leave(&mut self, number: u64) {
        let Some(place) = self.places.remove(&number) else { return };
        let Some(id) = place.lease else { return };
        let pair = Pair { agent: place.agent, target: place.target };
        let Some(leases) = self.leases.get_mut(&pair) else { return };
        for open in leases.iter_mut().filter(|open| open.lease.id == id) {
            open.seats.remove(&number);
        }
        leases.retain(|open| open.lease.lasts() || !open.seats.is_empty());
        if leases.is_empty() {
            self.leases.remove(&pair);
        }
    }

    /// Takes leases away, and ends what is open by them.
    pub fn take(&mut self, cut: Cut, which: impl Fn(&Lease) -> bool) -> Vec<Lease> {
        let mut taken = Vec::new();
        for leases in self.leases.values_mut() {
            let (gone, kept) = std::mem::take(leases).into_iter().partition(|open| which(&open.lease));
            *leases = kept;
            taken.extend::<Vec<Open>>(gone);
        }
        self.leases.retain(|_, leases| !leases.is_empty());
        for number in taken.iter().flat_map(|open| &open.seats) {
            if let Some(place) = self.places.get_mut(number) {
                place.end(cut);
                place.lease = None;
            }
        }
        taken.into_iter().map(|open| open.lease).collect()
    }

    /// Ends connections. Returns their numbers.
    pub fn cut(&self, scope: &Scope) -> Vec<u64> {
        let found = self.places.iter().filter(|(number, place)| scope.has_place(**number, place));
        found
            .map(|(number, place)| {
                place.end(Cut::Killed);
                *number
            })
            .collect()
    }

    /// Shortens what rules give less of now. What they do not give any more ends with the next look at the clock.
    pub fn tighten(&mut self, rules: &[LeaseRule], clock: &dyn Clock) {
        for open in self.leases.values_mut().flatten() {
            let Lease { agent, target, database, given, .. } = &open.lease;
            let request = Request { agent, target, database: database.as_deref(), now: *given };
            let until = match decide(rules, &request) {
                Decision::Lease(terms) => {
                    open.lease.sessions = least(open.lease.sessions, terms.sessions);
                    terms.until
                }
                // Those that were asked for are what such a rule wants.
                Decision::Denied(_) if open.lease.by.is_some() => None,
                Decision::Denied(_) => Some(0),
            };
            let now = open.lease.until.map(|until| until.wall);
            if let Some(wall) = least(now, until).filter(|wall| Some(*wall) != now) {
                open.lease.until = Some(Until::new(wall, clock));
            }
        }
    }
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
