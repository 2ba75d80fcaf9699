//! Carries what an agent and its target say to each other: opaque bytes, or a conversation that is understood and
//! judged.
//!
//! A connection is in one of two places. While bytes move it has a thread of its own, which waits for that
//! connection alone: the wake-up is the read, without an event loop in between. When it has been silent
//! for a moment it is parked: no thread, no buffer, one entry in an epoll set. `crew.rs` has the threads,
//! `desk.rs` their buffers, `parking.rs` the epoll set, `carriage.rs` moves the bytes, `party.rs` is one side and
//! `wire.rs` its socket, `freight.rs` says what becomes of the bytes, `pair.rs` is what others may know about a
//! connection while it is carried.

mod bell;
mod carriage;
mod crew;
mod desk;
mod freight;
mod pair;
mod parking;
mod party;
pub mod upstream;
pub mod wire;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gateway_audit::event::Ending;
use tokio::sync::oneshot;

pub use bell::Bell;
pub use carriage::{Carriage, Login};
use crew::Crew;
pub use freight::{Freight, Talk};
pub use pair::{Cut, Pair};

/// How long a connection that was cut may take to say goodbye before it is reset.
const GOODBYE: Duration = Duration::from_millis(500);

/// How long a target may be silent once its agent is gone. A query that nobody waits for would run on otherwise, and
/// its login with it.
const UNHEARD: Duration = Duration::from_secs(2);

/// A connection that can be carried, and what is to be done once it was.
pub struct Ready<'g> {
    pub carriage: Box<Carriage>,
    /// What is done while it is carried. It need not come to an end.
    pub meanwhile: Pin<Box<dyn Future<Output = ()> + Send + 'g>>,
    pub afterwards: Pin<Box<dyn Future<Output = ()> + Send + 'g>>,
}

impl Ready<'_> {
    pub fn new(carriage: Box<Carriage>) -> Self {
        Self {
            carriage,
            meanwhile: Box::pin(std::future::pending()),
            afterwards: Box::pin(std::future::ready(())),
        }
    }
}

/// All connections that are being carried.
#[derive(Debug, Clone)]
pub struct Relays {
    crew: Arc<Crew>,
}

impl Relays {
    pub fn start() -> io::Result<Self> {
        Ok(Self { crew: Crew::start()? })
    }

    /// Carries until one of the sides, or `idle`, or `until` ends it.
    pub async fn carry(
        &self,
        mut carriage: Box<Carriage>,
        idle: Duration,
        until: impl Future<Output = Cut>,
    ) -> Ending {
        let (done, mut ended) = oneshot::channel();
        let pair = Arc::clone(carriage.pair());
        carriage.report_to(done);
        self.crew.take(carriage);
        tokio::pin!(until);
        let (mut patience, mut too_long) = (idle, Cut::Idle);
        let cut = loop {
            // A deadline too far for the clock is none.
            let silent_for = pair.silent_for();
            tokio::select! {
                ending = &mut ended => {
                    return ending.unwrap_or_else(|_| Ending::Failed { why: "the relay lost it".into() });
                }
                cut = &mut until => break cut,
                () = pair.agent_left() => (patience, too_long) = (UNHEARD.min(idle), Cut::AgentLeft),
                () = tokio::time::sleep(patience.saturating_sub(silent_for)) => {
                    if pair.silent_for() >= patience {
                        break too_long;
                    }
                }
            }
        };
        pair.cut(cut);
        if let Ok(Ok(ending)) = tokio::time::timeout(GOODBYE, &mut ended).await {
            return ending;
        }
        pair.reset();
        ended.await.unwrap_or_else(|_| cut.into())
    }
}

#[cfg(all(test, feature = "measure"))]
mod measure;

#[cfg(test)]
mod tests;
