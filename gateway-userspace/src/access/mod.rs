//! Who is connected by which leave, and how that ends: leases, locks and the kill switch.
//!
//! Policy says what a lease gives ([`gateway_policy::access`]); here leases are given, kept, and ended. `seat.rs` is a
//! connection's place, `granting.rs` the one place where a connection comes by its lease, `ending.rs` how leases and
//! sessions end, `store.rs` what outlives the gateway, `calls.rs` and `kill.rs` what people ask for.
//!
//! What lasts is written down before anybody may connect by it. What ends, ends first and is written down then: a
//! lock or an end that waited for a disk would come too late.

mod books;
mod calls;
mod ending;
mod granting;
mod kill;
mod lease;
mod locks;
mod scope;
mod seat;
pub mod store;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_policy::access::LeaseRule;

use crate::audit::Recorder;
use crate::config::Config;
use crate::state::{State, StateError};
use crate::sys::clock::Clock;
use books::Books;
pub use calls::{Extend, ExtendQuestion, Leases, Request, RequestQuestion, Revoke, RevokeQuestion};
pub use granting::{Bid, NotLeased, person};
pub use kill::{Kill, KillQuestion, Killed, Unlock, UnlockQuestion};
pub use lease::LeaseShown;
pub use locks::LockShown;
pub use scope::Scope;
pub use seat::Seat;

/// All connections and leases of this gateway.
#[derive(Debug)]
pub struct Access {
    clock: Arc<dyn Clock>,
    state: State,
    recorder: Recorder,
    rules: Mutex<Arc<[LeaseRule]>>,
    books: Mutex<Books>,
    /// One lease is made at a time, so that none is made twice.
    turn: tokio::sync::Mutex<()>,
}

impl Access {
    /// Goes on where the gateway before this one ended.
    pub fn open(
        state: State,
        clock: Arc<dyn Clock>,
        recorder: Recorder,
        config: &Config,
    ) -> Result<Self, StateError> {
        let (leases, locks) = state.run_first(store::load)?;
        let mut books = Books::new(locks);
        for kept in leases {
            books.open(kept.lease(&*clock));
        }
        let rules: Arc<[LeaseRule]> = config.leases.clone().into();
        books.tighten(&rules, &*clock);
        Ok(Self {
            clock,
            state,
            recorder,
            rules: Mutex::new(rules),
            books: Mutex::new(books),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// From now on other rules hold, for open leases too.
    pub fn replace(&self, config: &Config) {
        let rules: Arc<[LeaseRule]> = config.leases.clone().into();
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&rules);
        self.books().tighten(&rules, &*self.clock);
    }

    fn rules(&self) -> Arc<[LeaseRule]> {
        Arc::clone(&self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
