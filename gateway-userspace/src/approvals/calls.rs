//! Where people see what waits for them and answer, at the control socket.

use std::sync::Arc;

use gateway_policy::approval::Approver;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Request, State, Unheard, Wide};
use crate::control::call::{Call, Kind, Manner, Trouble};
use crate::control::caller::Caller;
use crate::control::role::Role;
use crate::gateway::Gateway;

/// Requests that one answer lists at most.
const LISTED: usize = 500;
/// Earlier requests of the same shape that are shown.
const SIMILAR: usize = 5;
/// The longest reason of a no: the agent is told it.
const REASON: usize = 200;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Also those that were answered, or came to nothing.
    #[serde(default)]
    pub all: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The oldest first.
    pub requests: Vec<Request>,
}

pub struct List;

impl Call for List {
    type Question = Which;
    type Answer = Listed;

    const MANNER: Manner = Manner::Look;
    const PATH: &'static str = "/v1/approvals";
    const ROLE: Role = Role::Viewer;
    const ABOUT: &'static str = "What waits for people, or also what they answered before.";

    async fn answer(gateway: Arc<Gateway>, _caller: Caller, which: Which) -> Result<Listed, Trouble> {
        let mut requests = gateway.approvals.all();
        requests.retain(|request| which.all || request.is_pending());
        requests.sort_by_key(|request| request.asked_ms);
        let first = requests.len().saturating_sub(LISTED);
        Ok(Listed { requests: requests.split_off(first) })
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct One {
    pub id: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    pub request: Request,
    /// Sessions that wait for the answer.
    pub waiting: u64,
    /// Earlier requests of the same shape, the newest first.
    pub similar: Vec<Request>,
}

pub struct Show;

impl Call for Show {
    type Question = One;
    type Answer = Shown;

    const MANNER: Manner = Manner::Look;
    const PATH: &'static str = "/v1/approvals/one";
    const ROLE: Role = Role::Viewer;
    const ABOUT: &'static str = "One request, and what was answered to others of the same shape.";

    async fn answer(gateway: Arc<Gateway>, _caller: Caller, one: One) -> Result<Shown, Trouble> {
        let request = gateway.approvals.get(&one.id).ok_or_else(|| trouble(&Unheard::NoSuchRequest))?;
        let mut similar = gateway.approvals.all();
        similar.retain(|other| other.shape == request.shape && other.id != request.id && !other.is_pending());
        similar.sort_by_key(|other| std::cmp::Reverse(other.asked_ms));
        similar.truncate(SIMILAR);
        Ok(Shown { waiting: gateway.approvals.waiters(&request.id) as u64, request, similar })
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Yes {
    pub id: String,
    /// How far it reaches.
    #[serde(default)]
    pub reach: Wide,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    pub request: Request,
    /// So many more people have to say yes.
    pub missing: u64,
}

pub struct Approve;

impl Call for Approve {
    type Question = Yes;
    type Answer = Answered;

    const MANNER: Manner = Manner::Act;
    const PATH: &'static str = "/v1/approvals/approve";
    const ROLE: Role = Role::Approver;
    const ABOUT: &'static str = "Says yes to a request.";

    async fn answer(gateway: Arc<Gateway>, caller: Caller, yes: Yes) -> Result<Answered, Trouble> {
        let by = approver(&gateway, &caller, &yes.id)?;
        let uid = caller.asker.uid;
        let approvals = Arc::clone(&gateway.approvals);
        let said = tokio::task::spawn_blocking(move || approvals.approve(&yes.id, &by, uid, yes.reach));
        let (request, missing) = said.await.map_err(|_| failed())?.map_err(|why| trouble(&why))?;
        Ok(Answered { request, missing: missing as u64 })
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct No {
    pub id: String,
    /// What the agent is told.
    #[serde(default)]
    pub reason: Option<String>,
}

pub struct Deny;

impl Call for Deny {
    type Question = No;
    type Answer = Answered;

    const MANNER: Manner = Manner::Act;
    const PATH: &'static str = "/v1/approvals/deny";
    const ROLE: Role = Role::Approver;
    const ABOUT: &'static str = "Says no to a request.";

    async fn answer(gateway: Arc<Gateway>, caller: Caller, no: No) -> Result<Answered, Trouble> {
        if no.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON) {
            let what = format!("the reason is longer than {REASON} characters");
            return Err(Trouble::new(Kind::Malformed, what));
        }
        let by = approver(&gateway, &caller, &no.id)?;
        let uid = caller.asker.uid;
        let approvals = Arc::clone(&gateway.approvals);
        let said = tokio::task::spawn_blocking(move || approvals.deny(&no.id, &by, uid, no.reason));
        let request = said.await.map_err(|_| failed())?.map_err(|why| trouble(&why))?;
        Ok(Answered { request, missing: 0 })
    }
}

/// Who answers. Where the agent acts for a person, somebody who could be that person does not answer.
fn approver(gateway: &Gateway, caller: &Caller, id: &str) -> Result<Approver, Trouble> {
    let request = gateway.approvals.get(id).ok_or_else(|| trouble(&Unheard::NoSuchRequest))?;
    let person = match (caller.person(), &caller.asker.user) {
        (Some(person), _) => person.to_owned(),
        (None, Some(user)) if request.person.is_empty() => format!("unix:{user}"),
        (None, _) => {
            let what = "it is not known which person you are, and nobody answers for an agent of their own";
            return Err(Trouble::new(Kind::Forbidden, what).help("name your user in [control.people]"));
        }
    };
    Ok(Approver { person, groups: Vec::new(), unix_groups: caller.groups.clone() })
}

fn trouble(why: &Unheard) -> Trouble {
    let kind = match why {
        Unheard::NoSuchRequest => Kind::Missing,
        Unheard::NotTheirs | Unheard::TooFar => Kind::Forbidden,
        Unheard::Over(_) | Unheard::AlreadySaid | Unheard::RuleGone(_) => Kind::Conflict,
    };
    Trouble::new(kind, why.to_string())
}

fn failed() -> Trouble {
    Trouble::new(Kind::Failed, "the answer was not taken")
}

/// How a request stands, in one word.
pub fn word(state: &State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Approved { .. } => "approved",
        State::Denied { .. } => "denied",
        State::TimedOut => "timed out",
        State::Withdrawn { .. } => "withdrawn",
        State::Used => "used",
    }
}
