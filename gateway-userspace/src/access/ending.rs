//! How leases end: their time is over, somebody takes them back, or nobody uses them any more.

use std::time::Duration;

use gateway_audit::control::Asker;
use gateway_audit::event::Event;
use gateway_audit::lease::{LeaseEnd, LeaseEnded, LeaseExtended};
use gateway_policy::access::{Request, ahead};

use super::lease::{Lease, Until, now, written};
use super::{Access, store};
use crate::relay::Cut;
use crate::report::one_line;
use crate::state::StateError;

/// How often the clock is looked at. A lease ends at most so much late.
const LOOK: Duration = Duration::from_millis(100);

impl Access {
    /// Ends leases when their time is over, for as long as it is polled.
    pub async fn keep(&self) {
        loop {
            self.expire().await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends what is over by now.
    pub async fn expire(&self) {
        let over = self.books().take(Cut::LeaseEnded, |lease| lease.is_over(&*self.clock));
        if let Err(error) = self.forget(&over, LeaseEnd::Expired, None).await {
            // By its time it is over after a restart as well.
            tracing::error!(error = one_line(&error), "the end of a lease cannot be written down");
        }
    }

    /// Takes a lease back. Its sessions end.
    pub async fn revoke(&self, id: &str, by: Asker) -> Result<Option<Lease>, StateError> {
        let taken = self.books().take(Cut::LeaseEnded, |lease| lease.id == id);
        self.forget(&taken, LeaseEnd::Revoked, Some(by)).await?;
        Ok(taken.into_iter().next())
    }

    /// Moves the end of a lease to so many milliseconds from now, as far as the rules go.
    pub async fn extend(&self, id: &str, time: u64, by: Asker) -> Result<Extended, StateError> {
        let _turn = self.turn.lock().await;
        let Some(lease) = self.extended(id, time) else { return Ok(Extended::Missing) };
        let Some(until) = lease.until.filter(|_| lease.by.is_some()) else { return Ok(Extended::NotAsked) };
        let told = LeaseExtended {
            lease: lease.id.clone(),
            agent: lease.agent.clone(),
            target: lease.target.clone(),
            until: written(until.wall),
            by,
        };
        self.recorder.note(Event::LeaseExtended(told)).await;
        let kept = lease.id.clone();
        if self.state.run(move |file| store::move_end(file, &kept, until.wall)).await? == 0 {
            return Ok(Extended::Missing);
        }
        match self.books().find_mut(id) {
            Some(open) => open.lease.until = Some(until),
            None => return Ok(Extended::Missing),
        }
        Ok(Extended::Until(Box::new(lease)))
    }

    fn extended(&self, id: &str, time: u64) -> Option<Lease> {
        let (rules, clock) = (self.rules(), &*self.clock);
        let mut lease = self.books().find_mut(id)?.lease.clone();
        let Lease { agent, target, database, .. } = &lease;
        let request = Request { agent, target, database: database.as_deref(), now: now(clock) };
        lease.until = ahead(&rules, &request, time).until.map(|wall| Until::new(wall, clock));
        Some(lease)
    }

    /// Writes down that leases are over. It has happened already.
    pub(super) async fn forget(
        &self,
        leases: &[Lease],
        why: LeaseEnd,
        by: Option<Asker>,
    ) -> Result<(), StateError> {
        let lasting = || leases.iter().filter(|lease| lease.lasts());
        let ids: Vec<String> = lasting().map(|lease| lease.id.clone()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let kept = self.state.run(move |file| store::remove(file, &ids)).await;
        for lease in lasting() {
            let ended = LeaseEnded {
                lease: lease.id.clone(),
                agent: lease.agent.clone(),
                target: lease.target.clone(),
                why,
                by: by.clone(),
            };
            self.recorder.note(Event::LeaseEnded(ended)).await;
        }
        kept
    }
}

/// What became of a wish for more time.
#[derive(Debug)]
pub enum Extended {
    Until(Box<Lease>),
    Missing,
    /// It was given with a connection, and how long that lasts is the rules' to say.
    NotAsked,
}
