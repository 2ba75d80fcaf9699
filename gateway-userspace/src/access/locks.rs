//! What is shut until somebody opens it again.

use gateway_audit::control::Asker;
use gateway_audit::lease::LockChanged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lease::{name, written};
use super::scope::Scope;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    pub scope: Scope,
    /// Milliseconds since 1970.
    pub since: u64,
    pub why: Option<String>,
    pub by: Asker,
}

impl Lock {
    pub fn told(&self) -> LockChanged {
        LockChanged { scope: self.scope.to_string(), why: self.why.clone(), by: self.by.clone() }
    }

    pub fn shown(&self) -> LockShown {
        LockShown {
            scope: self.scope.clone(),
            since: written(self.since),
            by: name(&self.by),
            why: self.why.clone(),
        }
    }
}

/// A lock as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockShown {
    pub scope: Scope,
    /// RFC 3339 in UTC.
    pub since: String,
    pub by: String,
    pub why: Option<String>,
}
