//! An open connection is judged again whenever another configuration comes to hold.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use gateway_policy::target::{Protocol, TargetName};

use super::{Known, Targets};
use crate::config::Config;

/// Which of its targets a connection of an agent leads to, for as long as the configuration says so.
#[derive(Debug, Clone)]
pub struct Route {
    pub agent: String,
    pub destination: SocketAddr,
    pub target: TargetName,
    pub protocol: Protocol,
    /// The configuration that said yes.
    pub(super) granted_by: Arc<Known>,
}

impl Route {
    /// The configuration that said yes.
    pub fn config(&self) -> &Config {
        &self.granted_by.config
    }
}

/// What a connection has lost with the configuration that let it through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    Agent,
    Target,
}

impl Targets {
    /// Done when the configuration does not let the agent have this connection any more.
    pub async fn lost(&self, route: &Route) -> Lost {
        let mut news = self.known.subscribe();
        loop {
            // A configuration that came between the yes and this is judged first.
            let known = Arc::clone(&news.borrow_and_update());
            if let Some(lost) = self.judge_again(&known, route).await {
                return lost;
            }
            if news.changed().await.is_err() {
                return pending().await;
            }
        }
    }

    /// A target that reads as it did is not looked for again: its name may have another address by now, and what was
    /// opened to the former one goes on.
    async fn judge_again(&self, known: &Arc<Known>, route: &Route) -> Option<Lost> {
        let name = route.target.as_str();
        let target = |known: &Known| known.config.targets.get(name).cloned();
        if !known.config.agents.contains_key(&route.agent) {
            Some(Lost::Agent)
        } else if !known.allowed(&route.agent).iter().any(|allowed| allowed == name) {
            Some(Lost::Target)
        } else if target(known) == target(&route.granted_by) {
            None
        } else {
            let found = Box::pin(self.find_by(known, &route.agent, route.destination)).await;
            (found.as_ref() != Ok(&route.target)).then_some(Lost::Target)
        }
    }
}
