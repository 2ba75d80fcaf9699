//! The kill switch: ends what is open, says what that was, and keeps it shut if asked to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_audit::control::Asker;
use gateway_audit::event::Event;
use gateway_audit::lease::LeaseEnd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calls::half_done;
use super::lease::now;
use super::locks::{Lock, LockShown};
use super::scope::Scope;
use super::seat::PlaceShown;
use super::{Access, store};
use crate::control::call::{Call, Kind, Manner, Trouble};
use crate::control::caller::Caller;
use crate::control::role::Role;
use crate::gateway::Gateway;
use crate::relay::Cut;
use crate::state::StateError;

/// How long the answer waits for connections to be over.
const OVER: Duration = Duration::from_millis(1500);
/// The longest reason.
const WHY: usize = 512;

/// `postern kill`.
#[derive(Debug)]
pub struct Kill;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KillQuestion {
    pub scope: Scope,
    /// Whether new connections are shut out until somebody unlocks.
    pub lock: bool,
    pub why: Option<String>,
}

/// What a kill ended.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Killed {
    /// The connections that were open.
    pub ended: Vec<PlaceShown>,
    /// How many of them are not over yet; they are cut off and cannot do anything any more.
    pub ending: u64,
    /// The leases that were taken back.
    pub leases: Vec<String>,
    /// How long it took until all were over, or the answer came without waiting longer.
    pub took_ms: u64,
    pub lock: Option<LockShown>,
}

impl Call for Kill {
    type Question = KillQuestion;
    type Answer = Killed;

    const MANNER: Manner = Manner::Act;
    const PATH: &'static str = "/v1/kill";
    const ROLE: Role = Role::Operator;
    const ABOUT: &'static str = "Ends sessions and leases at once, and shuts new connections out if asked to";

    async fn answer(
        gateway: Arc<Gateway>,
        caller: Caller,
        question: KillQuestion,
    ) -> Result<Killed, Trouble> {
        if question.lock && matches!(question.scope, Scope::Session(_)) {
            return Err(Trouble::new(
                Kind::Malformed,
                "a session that has ended does not come back, so there is nothing to lock",
            ));
        }
        if question.why.as_ref().is_some_and(|why| why.len() > WHY) {
            return Err(Trouble::new(Kind::Malformed, "a reason has at most 512 bytes"));
        }
        gateway.access.kill(question, caller.asker).await.map_err(|error| half_done(&error))
    }
}

/// `postern unlock`.
#[derive(Debug)]
pub struct Unlock;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockQuestion {
    pub scope: Scope,
}

impl Call for Unlock {
    type Question = UnlockQuestion;
    type Answer = LockShown;

    const MANNER: Manner = Manner::Act;
    const PATH: &'static str = "/v1/unlock";
    const ROLE: Role = Role::Operator;
    const ABOUT: &'static str = "Takes a lock away: this very one, and no other that shuts the same out";

    async fn answer(
        gateway: Arc<Gateway>,
        caller: Caller,
        question: UnlockQuestion,
    ) -> Result<LockShown, Trouble> {
        match gateway.access.unlock(&question.scope, caller.asker).await {
            Ok(Some(lock)) => Ok(lock.shown()),
            Ok(None) => Err(Trouble::new(Kind::Missing, format!("there is no lock on {}", question.scope))
                .help("`postern status` shows the locks there are")),
            Err(error) => Err(Trouble::new(Kind::Failed, crate::report::one_line(&error))),
        }
    }
}

impl Access {
    /// It takes effect first and is written down then.
    pub async fn kill(&self, question: KillQuestion, by: Asker) -> Result<Killed, StateError> {
        let since = Instant::now();
        let KillQuestion { scope, lock, why } = question;
        let lock = lock.then(|| Lock { scope: scope.clone(), since: now(&*self.clock), why, by: by.clone() });
        let (leases, numbers, ended) = self.end_all(&scope, lock.as_ref());
        let mut kept = Ok(());
        if let Some(lock) = &lock {
            let written = lock.clone();
            kept = self.state.run(move |file| store::add_lock(file, &written)).await;
            self.recorder.note(Event::Locked(lock.told())).await;
        }
        let forgotten = self.forget(&leases, LeaseEnd::Killed, Some(by)).await;
        let ending = self.wait_for(&numbers, since).await;
        kept.and(forgotten)?;
        Ok(Killed {
            ended,
            ending,
            leases: leases.iter().filter(|lease| lease.lasts()).map(|lease| lease.id.clone()).collect(),
            took_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            lock: lock.map(|lock| lock.shown()),
        })
    }

    /// In one look at the books, so that nothing slips in between.
    fn end_all(
        &self,
        scope: &Scope,
        lock: Option<&Lock>,
    ) -> (Vec<super::lease::Lease>, Vec<u64>, Vec<PlaceShown>) {
        let mut books = self.books();
        if let Some(lock) = lock {
            books.locks.retain(|known| known.scope != lock.scope);
            books.locks.push(lock.clone());
        }
        let numbers = books.cut(scope);
        let ended =
            numbers.iter().filter_map(|number| Some(books.places.get(number)?.shown(*number))).collect();
        let leases = books.take(Cut::Killed, |lease| scope.has_lease(lease));
        (leases, numbers, ended)
    }

    /// Returns how many are not over in the end.
    async fn wait_for(&self, numbers: &[u64], since: Instant) -> u64 {
        loop {
            let left = {
                let books = self.books();
                numbers.iter().filter(|number| books.places.contains_key(number)).count() as u64
            };
            if left == 0 || since.elapsed() > OVER {
                return left;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What is not on the disk any more is open; until then it stays shut.
    pub async fn unlock(&self, scope: &Scope, by: Asker) -> Result<Option<Lock>, StateError> {
        let Some(lock) = self.books().locks.iter().find(|lock| lock.scope == *scope).cloned() else {
            return Ok(None);
        };
        let gone = scope.clone();
        self.recorder.note(Event::Unlocked(Lock { by, ..lock.clone() }.told())).await;
        self.state.run(move |file| store::remove_lock(file, &gone)).await?;
        self.books().locks.retain(|known| known.scope != *scope);
        Ok(Some(lock))
    }

    pub fn locks(&self) -> Vec<LockShown> {
        self.books().locks.iter().map(Lock::shown).collect()
    }
}
