//! What time brings: files are synced, the state of the chain is signed, the reserve is put back, and a clock that jumps
//! is noticed.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use gateway_audit::event::Event;
use tokio::sync::mpsc;

use super::archive::Archive;
use super::host::Errand;

/// How long what was written may not be on the disk, where nobody waits for it.
const ROUND: Duration = Duration::from_millis(500);
/// How long what happened may be unsigned.
const SIGNED_WITHIN: Duration = Duration::from_secs(2);
/// By how much the clocks may move apart in a round: a time service slews more slowly.
const JUMP: i64 = 1000;

pub fn make(archive: &Arc<Archive>, host: &mpsc::WeakSender<Errand>) {
    let mut clock = Clock::now();
    let mut signed = Instant::now();
    loop {
        archive.disk().journal.wait(ROUND);
        // Nobody records any more.
        let Some(host) = host.upgrade() else { return };
        if let Err(error) = archive.sync() {
            tracing::error!(%error, "records cannot be synced");
            thread::sleep(ROUND);
        }
        archive.disk().room.look();
        if let Some(by_ms) = clock.jumped() {
            let _closing = host.blocking_send(Errand::Record {
                event: Box::new(Event::ClockJumped { by_ms }),
                written: None,
            });
        }
        if signed.elapsed() >= SIGNED_WITHIN {
            signed = Instant::now();
            let _closing = host.blocking_send(Errand::Sign);
        }
    }
}

/// Both clocks at one moment.
struct Clock {
    wall: SystemTime,
    steady: Instant,
}

impl Clock {
    fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// By how much the wall clock went another way than time, since this was asked last.
    fn jumped(&mut self) -> Option<i64> {
        let before = std::mem::replace(self, Self::now());
        let wall = match self.wall.duration_since(before.wall) {
            Ok(forward) => millis(forward),
            Err(backward) => -millis(backward.duration()),
        };
        let by = wall - millis(self.steady.duration_since(before.steady));
        (by.abs() > JUMP).then_some(by)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_and_one_that_runs_is_not() {
        let mut clock = Clock::now();
        assert_eq!(clock.jumped(), None);
        clock.wall += Duration::from_secs(3600);
        assert!(matches!(clock.jumped(), Some(-3_600_999..=-3_599_000)));
        clock.wall -= Duration::from_secs(60);
        assert!(matches!(clock.jumped(), Some(59_000..=61_000)));
        assert_eq!(clock.jumped(), None);
    }
}
