//! Carries bytes between an agent and its target, both ways, without looking at them.
//!
//! A connection is in one of two places. While bytes move it has a thread of its own, which waits for that
//! connection alone: the wake-up is the read, without an event loop in between. When it has been silent
//! for a moment it is parked: no thread, no buffer, one entry in an epoll set. `crew.rs` has the threads,
//! `parking.rs` the epoll set, `carriage.rs` moves the bytes, `pair.rs` is what others may know and do
//! about a connection while it is carried.

mod carriage;
mod crew;
mod pair;
mod parking;
pub mod upstream;
pub mod wire;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use gateway_audit::event::Ending;
use tokio::sync::oneshot;

use carriage::Carriage;
use crew::Crew;
pub use pair::{Cut, Pair};

/// All connections that are being carried.
#[derive(Debug, Clone)]
pub struct Relays {
    crew: Arc<Crew>,
}

impl Relays {
    pub fn start() -> io::Result<Self> {
        Ok(Self { crew: Crew::start()? })
    }

    /// Carries until one of the sides, or `idle`, or a `Cut` from outside ends it.
    pub async fn carry(&self, pair: Arc<Pair>, idle: Duration) -> Ending {
        let (done, ended) = oneshot::channel();
        self.crew.take(Carriage::new(Arc::clone(&pair), done));
        tokio::pin!(ended);
        loop {
            // A deadline too far for the clock is none.
            let silent_for = pair.silent_for();
            tokio::select! {
                ending = &mut ended => {
                    return ending.unwrap_or_else(|_| Ending::Failed { why: "the relay lost it".into() });
                }
                () = tokio::time::sleep(idle.saturating_sub(silent_for)) => {
                    if pair.silent_for() >= idle {
                        pair.cut(Cut::Idle);
                        return (&mut ended).await.unwrap_or(Ending::Idle);
                    }
                }
            }
        }
    }
}

#[cfg(all(test, feature = "measure"))]
mod measure;
