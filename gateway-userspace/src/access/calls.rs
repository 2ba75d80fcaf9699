//! Leases as people ask for them at the control socket.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ending::Extended;
use super::granting::{NotGiven, NotLeased};
use super::lease::LeaseShown;
use crate::control::call::{Call, Kind, Manner, Nothing, Trouble};
use crate::control::caller::Caller;
use crate::control::role::Role;
use crate::gateway::Gateway;
use crate::report::one_line;
use crate::state::StateError;

/// The longest lease that can be asked for, in seconds.
const LONGEST: u64 = 30 * 24 * 3600;
/// The longest purpose.
const PURPOSE: usize = 512;

/// `postern leases list`.
#[derive(Debug)]
pub struct Leases;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeasesShown {
    pub leases: Vec<LeaseShown>,
}

impl Call for Leases {
    type Question = Nothing;
    type Answer = LeasesShown;

    const MANNER: Manner = Manner::Look;
    const PATH: &'static str = "/v1/leases";
    const ROLE: Role = Role::Viewer;
    const ABOUT: &'static str = "The leases that are open, those of single connections included";

    async fn answer(gateway: Arc<Gateway>, _: Caller, _: Nothing) -> Result<LeasesShown, Trouble> {
        Ok(LeasesShown { leases: gateway.access.leases() })
    }
}

/// `postern lease request`.
#[derive(Debug)]
pub struct Request;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestQuestion {
    pub agent: String,
    pub target: String,
    /// `null`: any.
    pub database: Option<String>,
    /// What it is for, in words for whoever reads the records.
    pub purpose: String,
    pub seconds: u64,
}

impl Call for Request {
    type Question = RequestQuestion;
    type Answer = LeaseShown;

    const MANNER: Manner = Manner::Act;
    const PATH: &'static str = "/v1/leases/request";
    const ROLE: Role = Role::Operator;
    const ABOUT: &'static str =
        "Gives an agent a lease ahead. It ends by its time, or earlier if a rule says so";

    async fn answer(
        gateway: Arc<Gateway>,
        caller: Caller,
        question: RequestQuestion,
    ) -> Result<LeaseShown, Trouble> {
        seconds(question.seconds)?;
        let config = gateway.reception.config();
        let malformed = |what: &str| Err(Trouble::new(Kind::Malformed, what));
        if question.purpose.trim().is_empty() || question.purpose.len() > PURPOSE {
            return malformed("a lease has a purpose, of at most 512 bytes");
        }
        if question.database.as_ref().is_some_and(|name| name.is_empty() || name.len() > PURPOSE) {
            return malformed("that is no name of a database");
        }
        let Some(agent) = config.agents.get(&question.agent) else {
            return Err(Trouble::new(Kind::Missing, format!("there is no agent `{}`", question.agent)));
        };
        if !agent.targets.contains(&question.target) {
            let what = format!("`{}` is no target of agent `{}`", question.target, question.agent);
            return Err(Trouble::new(Kind::Missing, what));
        }
        match gateway.access.request(&question, caller.asker).await {
            Ok(lease) => gateway.access.shown(&lease.id).ok_or_else(|| missing(&lease.id)),
            Err(error) => Err(not_given(&error)),
        }
    }
}

fn not_given(error: &NotGiven) -> Trouble {
    match error {
        NotGiven::Given { lease } => Trouble::new(Kind::Conflict, error.to_string())
            .help(format!("`postern leases extend {lease}` moves its end")),
        NotGiven::NotLeased(NotLeased::Crowded) => Trouble::new(Kind::Conflict, error.to_string()),
        NotGiven::NotLeased(_) => Trouble::new(Kind::Failed, one_line(error)),
    }
}

/// `postern leases revoke`.
#[derive(Debug)]
pub struct Revoke;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeQuestion {
    pub lease: String,
}

impl Call for Revoke {
    type Question = RevokeQuestion;
    type Answer = Nothing;

    const MANNER: Manner = Manner::Act;
    const PATH: &'static str = "/v1/leases/revoke";
    const ROLE: Role = Role::Operator;
    const ABOUT: &'static str = "Takes a lease back. Its sessions end at once";

    async fn answer(
        gateway: Arc<Gateway>,
        caller: Caller,
        question: RevokeQuestion,
    ) -> Result<Nothing, Trouble> {
        match gateway.access.revoke(&question.lease, caller.asker).await {
            Ok(Some(_)) => Ok(Nothing {}),
            Ok(None) => Err(missing(&question.lease)),
            Err(error) => Err(half_done(&error)),
        }
    }
}

/// `postern leases extend`.
#[derive(Debug)]
pub struct Extend;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendQuestion {
    pub lease: String,
    /// From now on.
    pub seconds: u64,
}

impl Call for Extend {
    type Question = ExtendQuestion;
    type Answer = LeaseShown;

    const MANNER: Manner = Manner::Act;
    const PATH: &'static str = "/v1/leases/extend";
    const ROLE: Role = Role::Operator;
    const ABOUT: &'static str = "Moves the end of a lease that was asked for, as far as the rules go";

    async fn answer(
        gateway: Arc<Gateway>,
        caller: Caller,
        question: ExtendQuestion,
    ) -> Result<LeaseShown, Trouble> {
        seconds(question.seconds)?;
        let time = question.seconds.saturating_mul(1000);
        match gateway.access.extend(&question.lease, time, caller.asker).await {
            Ok(Extended::Until(lease)) => gateway.access.shown(&lease.id).ok_or_else(|| missing(&lease.id)),
            Ok(Extended::Missing) => Err(missing(&question.lease)),
            Ok(Extended::NotAsked) => Err(Trouble::new(
                Kind::Conflict,
                "this lease was given with a connection, and lasts as long as the rules say",
            )
            .help("`postern lease request` gives one that can be extended")),
            Err(error) => Err(Trouble::new(Kind::Failed, one_line(&error))),
        }
    }
}

fn seconds(seconds: u64) -> Result<(), Trouble> {
    if (1..=LONGEST).contains(&seconds) {
        return Ok(());
    }
    Err(Trouble::new(Kind::Malformed, "a lease lasts from a second to 30 days"))
}

fn missing(lease: &str) -> Trouble {
    Trouble::new(Kind::Missing, format!("there is no open lease {lease}"))
        .help("`postern leases list` shows them")
}

/// What was to end has ended; whether a restart brings it back is another matter.
pub fn half_done(error: &StateError) -> Trouble {
    let what = format!("it took effect, and could not be written down for a restart: {}", one_line(error));
    Trouble::new(Kind::Failed, what)
}

impl super::Access {
    /// Those that end first are first.
    pub fn leases(&self) -> Vec<LeaseShown> {
        let mut leases: Vec<LeaseShown> =
            self.books().all().map(|open| open.lease.shown(open.seats.len(), &*self.clock)).collect();
        leases.sort_by(|one, other| {
            let order = |lease: &LeaseShown| (lease.left_ms.unwrap_or(u64::MAX), lease.given.clone());
            order(one).cmp(&order(other)).then_with(|| one.lease.cmp(&other.lease))
        });
        leases
    }

    pub fn shown(&self, id: &str) -> Option<LeaseShown> {
        let mut books = self.books();
        let open = books.find_mut(id)?;
        Some(open.lease.shown(open.seats.len(), &*self.clock))
    }
}
