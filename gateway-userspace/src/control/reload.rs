//! Reading the configuration again: as a whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{Call, Kind, Manner, Nothing, Trouble};
use super::caller::Caller;
use super::live::LiveConnection;
use super::role::Role;
use crate::config::{Config, Reload};
use crate::gateway::Gateway;

/// How long connections that may not go on have to end before the answer is given.
const ENDING: Duration = Duration::from_millis(500);

/// What came of it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reloaded {
    pub reload: Reload,
    /// Connections that were open before and are not any more.
    pub ended: Vec<LiveConnection>,
}

/// `postern reload`.
#[derive(Debug)]
pub struct ReloadCall;

impl Call for ReloadCall {
    type Question = Nothing;
    type Answer = Reloaded;

    const MANNER: Manner = Manner::Act;
    const PATH: &'static str = "/v1/reload";
    const ROLE: Role = Role::Operator;
    const ABOUT: &'static str = "Read the configuration again; one with a mistake changes nothing";

    async fn answer(gateway: Arc<Gateway>, _: Caller, _: Nothing) -> Result<Reloaded, Trouble> {
        let folder = gateway.folder().ok_or_else(|| {
            Trouble::new(Kind::Failed, "the gateway does not know where its configuration is")
        })?;
        let before = gateway.live.newest(usize::MAX);
        let read = tokio::task::spawn_blocking(move || Config::load(&folder)).await;
        let read = read.map_err(|_| Trouble::new(Kind::Failed, "the configuration cannot be read"))?;
        gateway.reload(read);
        tokio::time::sleep(ENDING).await;
        let after = gateway.live.newest(usize::MAX);
        let gone = |one: &LiveConnection| !after.iter().any(|open| open.connection == one.connection);
        Ok(Reloaded { reload: gateway.last_reload(), ended: before.into_iter().filter(gone).collect() })
    }
}
