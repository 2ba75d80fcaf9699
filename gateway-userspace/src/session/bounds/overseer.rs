//! Has commands cancelled at the target that have become too much or take too long.
//!
//! The session's thread says which command the target is at and until when it may take; a task beside the relay waits
//! for that moment and asks the target. Before the next command goes on, a request that is on its way has arrived, so
//! that it cannot hit that one.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gateway_protocols::conversation::CommandNumber;
use tokio::sync::Notify;

/// How long the next command waits for a request to cancel the one before.
const PATIENCE: Duration = Duration::from_secs(2);

/// The session's end.
#[derive(Debug, Clone, Default)]
pub struct Overseer(Arc<Shared>);

/// The task's end.
#[derive(Debug)]
pub struct Summons(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The command that the target is at, if it may take only so long, and until when.
    watched: Option<(CommandNumber, Instant)>,
    /// The last one that took too long.
    overdue: Option<CommandNumber>,
    cancelling: bool,
}

impl Overseer {
    pub fn summons(&self) -> Summons {
        Summons(Arc::clone(&self.0))
    }

    /// From now on this command is watched, and no other.
    pub fn watch(&self, watched: Option<(CommandNumber, Instant)>) {
        let mut state = self.0.state();
        if state.watched != watched {
            state.watched = watched;
            drop(state);
            self.0.changed.notify_one();
        }
    }

    /// The command that the target is at is to be cancelled.
    pub fn cancel(&self) {
        self.0.state().cancelling = true;
        self.0.changed.notify_one();
    }

    /// Waits until no request to cancel is on its way.
    pub fn wait(&self) {
        let state = self.0.state();
        if state.cancelling {
            let waiting = self.0.arrived.wait_timeout_while(state, PATIENCE, |state| state.cancelling);
            drop(waiting);
        }
    }

    /// Whether this one was cancelled because it took too long.
    pub fn was_overdue(&self, command: CommandNumber) -> bool {
        self.0.state().overdue == Some(command)
    }
}

impl Summons {
    /// Cancels by `cancel` what has to be cancelled, for as long as it is polled.
    pub async fn answer<F: Future<Output = ()>>(self, cancel: impl Fn() -> F) {
        loop {
            match self.next() {
                Next::Cancel => {
                    cancel().await;
                    self.0.state().cancelling = false;
                    self.0.arrived.notify_all();
                }
                Next::At(moment) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(moment.into()) => (),
                        () = self.0.changed.notified() => (),
                    }
                }
                Next::Nothing => self.0.changed.notified().await,
            }
        }
    }

    fn next(&self) -> Next {
        let mut state = self.0.state();
        match state.watched {
            _ if state.cancelling => Next::Cancel,
            Some((command, moment)) if moment <= Instant::now() => {
                state.watched = None;
                state.overdue = Some(command);
                state.cancelling = true;
                Next::Cancel
            }
            Some((_, moment)) => Next::At(moment),
            None => Next::Nothing,
        }
    }
}

enum Next {
    Cancel,
    At(Instant),
    Nothing,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;

    /// Runs the task beside what the session does.
    async fn beside(overseer: &Overseer, cancels: &AtomicU32, until: Duration) {
        let answering = overseer.summons().answer(|| async {
            cancels.fetch_add(1, SeqCst);
        });
        let _over = tokio::time::timeout(until, answering).await;
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_cancelled_and_no_other() {
        let (overseer, cancels) = (Overseer::default(), AtomicU32::new(0));
        overseer.watch(Some((CommandNumber(1), Instant::now() + Duration::from_secs(60))));
        overseer.watch(Some((CommandNumber(2), Instant::now() + Duration::from_millis(20))));
        beside(&overseer, &cancels, Duration::from_millis(200)).await;
        assert_eq!(cancels.load(SeqCst), 1);
        assert!(overseer.was_overdue(CommandNumber(2)) && !overseer.was_overdue(CommandNumber(1)));
    }

    #[tokio::test]
    async fn a_command_that_has_ended_in_time_is_left_alone() {
        let (overseer, cancels) = (Overseer::default(), AtomicU32::new(0));
        overseer.watch(Some((CommandNumber(1), Instant::now() + Duration::from_millis(20))));
        overseer.watch(None);
        beside(&overseer, &cancels, Duration::from_millis(100)).await;
        assert_eq!(cancels.load(SeqCst), 0);
    }

    #[tokio::test]
    async fn the_next_command_waits_until_the_request_has_arrived() {
        let (overseer, cancels) = (Overseer::default(), AtomicU32::new(0));
        overseer.cancel();
        beside(&overseer, &cancels, Duration::from_millis(100)).await;
        assert_eq!(cancels.load(SeqCst), 1);
        let since = Instant::now();
        overseer.wait();
        assert!(since.elapsed() < PATIENCE / 2);
        overseer.cancel();
        overseer.wait();
        assert!(since.elapsed() >= PATIENCE, "nobody has asked yet");
    }
}
