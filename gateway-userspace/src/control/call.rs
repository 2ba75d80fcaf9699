//! What can be asked at the control socket: one type for each call, which says where it is, who may, what is asked and
//! what is answered. The server, the client and the OpenAPI document are made from the same types.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::role::Role;
use crate::gateway::Gateway;

/// How a call is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Changes nothing: GET, with the question in the query.
    Look,
    /// Changes something, and is recorded: POST, with the question as a JSON object.
    Act,
}

/// One call. A new one is added to the list in `api.rs`.
pub trait Call: 'static {
    type Question: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    type Answer: Serialize + DeserializeOwned + JsonSchema + Send + 'static;

    const MANNER: Manner;
    /// Below the address of the socket, with its version.
    const PATH: &'static str;
    /// The least role that may ask.
    const ROLE: Role;
    const ABOUT: &'static str;
    /// How long the answer may take.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn answer(
        gateway: Arc<Gateway>,
        caller: Caller,
        question: Self::Question,
    ) -> impl Future<Output = Result<Self::Answer, Trouble>> + Send;
}

/// A call that asks nothing in particular.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Why a call is not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    pub kind: Kind,
    pub what: String,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The question is not understood.
    Malformed,
    /// Who asks may not.
    Forbidden,
    /// What it is about does not exist.
    Missing,
    /// It does not go with how things are.
    Conflict,
    /// The gateway could not.
    Failed,
    /// It took too long.
    Late,
}

impl Kind {
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// With which status a command ends that was answered so.
    pub const fn exit(self) -> u8 {
        match self {
            Self::Malformed | Self::Failed | Self::Late => 1,
            Self::Forbidden => 3,
            Self::Missing => 4,
            Self::Conflict => 5,
        }
    }
}

impl Trouble {
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), help: None }
    }

    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Trouble {}
