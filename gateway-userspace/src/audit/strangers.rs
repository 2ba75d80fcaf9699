//! What nobody can be named for: anybody on the host may dial the gateway, and must not be able to fill the disk that
//! holds the evidence about agents. A few of each kind are recorded one by one, the rest is counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gateway_audit::event::{AnswerGiven, Denial, Event, Nameless};

/// The time after which what was counted is told, and a few are recorded again.
pub const INTERVAL: Duration = Duration::from_secs(60);
/// Recorded one by one in each interval, of each kind.
const LISTED: u64 = 20;

#[derive(Debug)]
pub struct Strangers(Mutex<Interval>);

#[derive(Debug)]
struct Interval {
    began: Instant,
    seen: BTreeMap<&'static str, (Nameless, u64)>,
}

impl Default for Strangers {
    fn default() -> Self {
        Self(Mutex::new(Interval { began: Instant::now(), seen: BTreeMap::new() }))
    }
}

impl Strangers {
    /// Counts a connection that is nobody's. Returns whether it has a record of its own.
    pub fn denied(&self, because: Denial) -> Listed {
        let kind = match because {
            Denial::NotAnAgent => "not_an_agent",
            Denial::NoAttribution => "no_attribution",
            Denial::TooManyConnections => "too_many_connections",
            Denial::NoIdentity => "no_identity",
            Denial::UnknownAgent
            | Denial::Locked
            | Denial::GatewayItself
            | Denial::NoTarget
            | Denial::NotForThisAgent
            | Denial::Ambiguous => "other",
        };
        self.count(kind, Nameless::Connection { because })
    }

    /// As `denied`, for a question about a name.
    pub fn asked(&self, answer: AnswerGiven) -> Listed {
        self.count("question", Nameless::Question { answer })
    }

    /// What was counted and not recorded since last time. A new interval begins.
    pub fn told(&self) -> Vec<Event> {
        let mut interval = self.interval();
        let seconds = interval.began.elapsed().as_secs().max(1);
        let seen = std::mem::take(&mut interval.seen);
        interval.began = Instant::now();
        seen.into_values()
            .filter(|(_, count)| *count > LISTED)
            .map(|(what, count)| Event::NotListed { what, count: count - LISTED, seconds })
            .collect()
    }

    fn count(&self, kind: &'static str, what: Nameless) -> Listed {
        let mut interval = self.interval();
        let (_, count) = interval.seen.entry(kind).or_insert((what, 0));
        *count += 1;
        if *count <= LISTED { Listed::Alone } else { Listed::Counted }
    }

    fn interval(&self) -> MutexGuard<'_, Interval> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How something that is nobody's gets into the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    Alone,
    Counted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_strangers_is_a_few_lines_and_a_number() {
        let strangers = Strangers::default();
        let alone = (0..10_000).filter(|_| strangers.denied(Denial::NotAnAgent) == Listed::Alone).count();
        assert_eq!(alone as u64, LISTED);
        let what = Nameless::Connection { because: Denial::NotAnAgent };
        assert_eq!(strangers.told(), [Event::NotListed { what, count: 10_000 - LISTED, seconds: 1 }]);
    }

    #[test]
    fn one_kind_does_not_hide_another() {
        let strangers = Strangers::default();
        for _ in 0..=LISTED {
            strangers.denied(Denial::NotAnAgent);
        }
        assert_eq!(strangers.denied(Denial::NoAttribution), Listed::Alone);
        assert_eq!(strangers.asked(AnswerGiven::Dropped), Listed::Alone);
    }

    #[test]
    fn each_interval_begins_anew_and_says_nothing_where_all_is_recorded() {
        let strangers = Strangers::default();
        for _ in 0..=LISTED {
            strangers.asked(AnswerGiven::Dropped);
        }
        assert_eq!(strangers.told().len(), 1);
        assert_eq!(strangers.asked(AnswerGiven::Dropped), Listed::Alone);
        assert_eq!(strangers.told(), []);
    }
}
