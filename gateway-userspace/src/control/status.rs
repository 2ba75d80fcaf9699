//! How the gateway stands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::call::{Call, Manner, Nothing, Trouble};
use super::caller::Caller;
use super::counts::Counted;
use super::live::LiveConnection;
use super::role::Role;
use crate::access::{LeaseShown, LockShown};
use crate::attribution::wire::EnforcerStatus;
use crate::config::Reload;
use crate::gateway::Gateway;
use crate::report::one_line;

/// How long the enforcer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections that are listed one by one; the others are in the counts.
const LISTED: usize = 200;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub uptime_ms: u64,
    /// Configured agents, whether or not any of their processes run.
    pub agents: Vec<String>,
    pub enforcer: EnforcerSeen,
    /// Including those that are not carried yet.
    pub open_connections: u64,
    pub live_by_agent: BTreeMap<String, u64>,
    /// The newest ones.
    pub live: Vec<LiveConnection>,
    /// Those that end at a time or were asked for; the ones that end first.
    pub leases: Vec<LeaseShown>,
    pub locks: Vec<LockShown>,
    pub counts: Counted,
    pub reload: Reload,
}

/// What the enforcer says, or why it says nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnforcerSeen {
    Answers(EnforcerStatus),
    Gone { why: String },
}

impl EnforcerSeen {
    /// A person waits: an enforcer that takes long counts as gone.
    pub async fn now(gateway: &Gateway) -> Self {
        match timeout(PATIENCE, gateway.enforcer.status()).await {
            Ok(Ok(status)) => Self::Answers(status),
            Ok(Err(error)) => Self::Gone { why: one_line(&error) },
            Err(_) => Self::Gone { why: "the enforcer does not answer in time".to_owned() },
        }
    }
}

impl Status {
    pub fn of(gateway: &Gateway, enforcer: EnforcerSeen) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_ms: u64::try_from(gateway.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            agents: gateway.targets.agents(),
            enforcer,
            open_connections: gateway.open_connections() as u64,
            live_by_agent: gateway.live.by_agent(),
            live: gateway.live.newest(LISTED),
            leases: lasting(gateway),
            locks: gateway.access.locks(),
            counts: Counted { would_deny: gateway.judges.would_deny(), ..gateway.counts.snapshot() },
            reload: gateway.last_reload(),
        }
    }
}

fn lasting(gateway: &Gateway) -> Vec<LeaseShown> {
    let lasts = |lease: &LeaseShown| lease.until.is_some() || lease.asked_by.is_some();
    gateway.access.leases().into_iter().filter(lasts).take(LISTED).collect()
}

/// `postern status`.
#[derive(Debug)]
pub struct StatusCall;

impl Call for StatusCall {
    type Question = Nothing;
    type Answer = Status;

    const MANNER: Manner = Manner::Look;
    const PATH: &'static str = "/v1/status";
    const ROLE: Role = Role::Viewer;
    const ABOUT: &'static str = "How the gateway and the enforcer stand, and what is open";

    async fn answer(gateway: Arc<Gateway>, _: Caller, _: Nothing) -> Result<Status, Trouble> {
        let enforcer = EnforcerSeen::now(&gateway).await;
        Ok(Status::of(&gateway, enforcer))
    }
}
