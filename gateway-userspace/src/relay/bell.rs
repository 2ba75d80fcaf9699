//! Wakes a connection for what its sockets do not show: that people have answered.
//!
//! A connection whose command waits for people is parked like a silent one. Whoever has news rings, from any thread and
//! at any time; a ring that comes while the connection is on its way to its place is not lost.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use super::crew::Crew;

/// One connection's bell.
#[derive(Debug, Default)]
pub struct Bell {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rung: bool,
    /// The agent takes its command back.
    cancelled: bool,
    waiting: bool,
    parked: Option<(Weak<Crew>, u64)>,
}

/// Whether a connection may stay where it was parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    Parked,
    /// There is news already.
    Called,
}

impl Bell {
    /// There is news.
    pub fn ring(&self) {
        let parked = {
            let mut state = self.state();
            state.rung = true;
            state.parked.take()
        };
        if let Some((crew, stay)) = parked
            && let Some(crew) = crew.upgrade()
        {
            crew.call(stay);
        }
    }

    /// The agent wants its command cancelled. Whether one waits for people, so that there is nothing to cancel elsewhere.
    pub fn cancel(&self) -> bool {
        let waits = {
            let mut state = self.state();
            state.cancelled |= state.waiting;
            state.waiting
        };
        if waits {
            self.ring();
        }
        waits
    }

    /// Whether a command waits for people from here on.
    pub fn set_waiting(&self, waiting: bool) {
        let mut state = self.state();
        state.waiting = waiting;
        state.cancelled &= waiting;
    }

    pub fn was_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Whether it has rung since it was last asked.
    pub(super) fn heard(&self) -> bool {
        std::mem::take(&mut self.state().rung)
    }

    /// Takes note of where the connection is.
    pub(super) fn park(&self, crew: Weak<Crew>, stay: u64) -> Stay {
        let mut state = self.state();
        if state.rung {
            return Stay::Called;
        }
        state.parked = Some((crew, stay));
        Stay::Parked
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_on_the_way_to_the_parking_place_is_not_lost() {
        let bell = Bell::default();
        bell.ring();
        assert_eq!(bell.park(Weak::new(), 7), Stay::Called);
        assert!(bell.heard() && !bell.heard());
        assert_eq!(bell.park(Weak::new(), 8), Stay::Parked);
    }

    #[test]
    fn only_a_command_that_waits_is_taken_back() {
        let bell = Bell::default();
        assert!(!bell.cancel() && !bell.was_cancelled());
        bell.set_waiting(true);
        assert!(bell.cancel() && bell.was_cancelled() && bell.heard());
        bell.set_waiting(false);
        assert!(!bell.was_cancelled());
    }
}
