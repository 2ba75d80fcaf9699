//! How many statements an agent begins and has running at a target, in all of its sessions there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gateway_policy::judge::{Because, Denial};
use gateway_policy::limits::Limits;

/// Seconds that are looked back over.
const SECONDS: usize = 60;

/// One gauge for each agent and target that had a session. Both are names of the configuration.
#[derive(Debug, Default)]
pub struct Gauges(Mutex<HashMap<(String, String), Arc<Gauge>>>);

impl Gauges {
    pub fn of(&self, agent: &str, target: &str) -> Arc<Gauge> {
        let mut gauges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gauges.entry((agent.to_owned(), target.to_owned())).or_default())
    }
}

#[derive(Debug, Default)]
pub struct Gauge {
    running: Arc<AtomicU32>,
    begun: Mutex<Begun>,
}

/// What began in each of the last seconds.
#[derive(Debug)]
struct Begun {
    since: Instant,
    /// The last second that was counted in, from `since` on.
    last: u64,
    counts: [u32; SECONDS],
}

impl Default for Begun {
    fn default() -> Self {
        Self { since: Instant::now(), last: 0, counts: [0; SECONDS] }
    }
}

/// One of the statements that may run at a time. It is free again once this is dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Gauge {
    /// Lets a statement begin, or says which bound is reached. One that may not begin counts for nothing.
    pub fn admit(&self, limits: &Limits, now: Instant) -> Result<Option<Place>, Denial> {
        let place = match limits.concurrent {
            Some(most) => Some(self.take_place(most).ok_or_else(|| denial("run at a time", most))?),
            None => None,
        };
        if let Some(most) = limits.per_minute {
            let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            if !begun.count(most, now) {
                return Err(denial("begin within a minute", most));
            }
        }
        Ok(place)
    }

    fn take_place(&self, most: u32) -> Option<Place> {
        let free = |running: u32| (running < most).then(|| running + 1);
        self.running.fetch_update(SeqCst, SeqCst, free).ok().map(|_| Place(Arc::clone(&self.running)))
    }
}

impl Begun {
    /// Counts one more, unless there are as many already.
    fn count(&mut self, most: u32, now: Instant) -> bool {
        let second = now.saturating_duration_since(self.since).as_secs().max(self.last);
        for passed in (self.last + 1..=second).take(SECONDS) {
            if let Some(count) = self.counts.get_mut(slot(passed)) {
                *count = 0;
            }
        }
        if second - self.last > SECONDS as u64 {
            self.counts = [0; SECONDS];
        }
        self.last = second;
        let so_far: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        if so_far >= u64::from(most) {
            return false;
        }
        if let Some(count) = self.counts.get_mut(slot(second)) {
            *count += 1;
        }
        true
    }
}

fn slot(second: u64) -> usize {
    usize::try_from(second % SECONDS as u64).unwrap_or_default()
}

fn denial(what: &str, most: u32) -> Denial {
    let statements = if most == 1 { "statement" } else { "statements" };
    Denial {
        message: format!("no more than {most} {statements} of this agent may {what} here"),
        hint: Some("wait, and try again".to_owned()),
        because: Because::Limit,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn per_minute(most: u32) -> Limits {
        Limits { per_minute: Some(most), ..Limits::default() }
    }

    #[test]
    fn no_more_begin_within_any_minute() {
        let gauges = Gauges::default();
        let gauge = gauges.of("coder", "orders");
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let admits = |seconds| gauge.admit(&per_minute(3), at(seconds)).is_ok();
        assert!(admits(0) && admits(10) && admits(20) && !admits(20) && !admits(59));
        assert!(admits(61) && !admits(62));
        assert!(admits(71) && !admits(72));
        assert!(admits(1000) && admits(1001) && admits(1002) && !admits(1003));
        assert!(gauges.of("writer", "orders").admit(&per_minute(1), at(1003)).is_ok());
    }

    #[test]
    fn a_place_is_free_again_when_its_statement_has_ended() {
        let gauge = Gauges::default().of("coder", "orders");
        let limits = Limits { concurrent: Some(2), ..Limits::default() };
        let admit = || gauge.admit(&limits, Instant::now());
        let (first, second) = (admit().expect("a place"), admit().expect("a place"));
        let denied = admit().expect_err("no place");
        assert_eq!(denied.because, Because::Limit);
        assert!(denied.message.contains("no more than 2 statements"), "{}", denied.message);
        drop(first);
        let _third = admit().expect("a place again");
        drop(second);
        assert!(admit().is_ok());
    }

    #[test]
    fn what_has_no_bound_is_not_counted() {
        let gauge = Gauges::default().of("coder", "orders");
        for _ in 0..1000 {
            assert!(gauge.admit(&Limits::default(), Instant::now()).expect("admitted").is_none());
        }
        assert!(gauge.admit(&per_minute(1), Instant::now()).is_ok());
    }
}
