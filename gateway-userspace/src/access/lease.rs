//! One lease: leave for an agent to connect to a target, and its end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_audit::control::Asker;
use gateway_audit::lease::LeaseGiven;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audit::timestamp;
use crate::sys::clock::Clock;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub id: String,
    pub agent: String,
    pub person: Option<String>,
    pub target: String,
    /// None: any.
    pub database: Option<String>,
    pub purpose: Option<String>,
    /// Milliseconds since 1970.
    pub given: u64,
    /// None: as long as it has sessions.
    pub until: Option<Until>,
    pub sessions: Option<u32>,
    pub rules: Vec<String>,
    /// Who asked for it ahead.
    pub by: Option<Asker>,
}

/// When a lease ends: by the wall, which somebody may set, or by the host's own time, whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until {
    /// Milliseconds since 1970.
    pub wall: u64,
    pub uptime: Duration,
}

impl Until {
    pub fn new(wall: u64, clock: &dyn Clock) -> Self {
        let left = Duration::from_millis(wall.saturating_sub(now(clock)));
        Self { wall, uptime: clock.uptime().saturating_add(left) }
    }

    fn left(&self, clock: &dyn Clock) -> Duration {
        let by_wall = Duration::from_millis(self.wall.saturating_sub(now(clock)));
        by_wall.min(self.uptime.saturating_sub(clock.uptime()))
    }
}

/// Milliseconds since 1970.
pub fn now(clock: &dyn Clock) -> u64 {
    let since = clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The same as records write it.
pub fn written(millis: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    timestamp(time.unwrap_or(SystemTime::UNIX_EPOCH))
}

impl Lease {
    /// Whether it outlives its sessions and the gateway.
    pub fn lasts(&self) -> bool {
        self.until.is_some() || self.by.is_some()
    }

    pub fn is_over(&self, clock: &dyn Clock) -> bool {
        self.until.is_some_and(|until| until.left(clock).is_zero())
    }

    pub fn told(&self) -> LeaseGiven {
        LeaseGiven {
            lease: self.id.clone(),
            agent: self.agent.clone(),
            person: self.person.clone(),
            target: self.target.clone(),
            database: self.database.clone(),
            purpose: self.purpose.clone(),
            until: self.until.map(|until| written(until.wall)),
            sessions: self.sessions,
            rules: self.rules.clone(),
            by: self.by.clone(),
        }
    }

    pub fn shown(&self, open: usize, clock: &dyn Clock) -> LeaseShown {
        let left = |until: Until| u64::try_from(until.left(clock).as_millis()).unwrap_or(u64::MAX);
        LeaseShown {
            lease: self.id.clone(),
            agent: self.agent.clone(),
            person: self.person.clone(),
            target: self.target.clone(),
            database: self.database.clone(),
            purpose: self.purpose.clone(),
            given: written(self.given),
            until: self.until.map(|until| written(until.wall)),
            left_ms: self.until.map(left),
            open_sessions: open as u64,
            most_sessions: self.sessions,
            rules: self.rules.clone(),
            asked_by: self.by.as_ref().map(name),
        }
    }
}

/// How somebody is called on a screen.
pub fn name(by: &Asker) -> String {
    let user = by.user.clone().unwrap_or_else(|| format!("uid {}", by.uid));
    by.person.clone().unwrap_or(user)
}

/// A lease as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseShown {
    pub lease: String,
    pub agent: String,
    pub person: Option<String>,
    pub target: String,
    /// `null`: any.
    pub database: Option<String>,
    pub purpose: Option<String>,
    /// RFC 3339 in UTC.
    pub given: String,
    /// RFC 3339 in UTC. `null`: as long as it has sessions.
    pub until: Option<String>,
    pub left_ms: Option<u64>,
    pub open_sessions: u64,
    pub most_sessions: Option<u32>,
    /// The rules that said how much it gives.
    pub rules: Vec<String>,
    /// Who asked for it ahead. `null`: it was given with the first connection.
    pub asked_by: Option<String>,
}
