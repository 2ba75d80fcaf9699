//! Which named target a destination is, and what an agent's question for a name is answered with.
//!
//! The decision is `gateway_policy::target`'s. Here are the facts for it: the names each agent looked up
//! (`memory.rs`) and what the host's own resolver says (`resolver.rs`). What was decided holds until another
//! configuration says otherwise (`route.rs`).

mod memory;
mod resolver;
mod route;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gateway_policy::target::{AskedName, HostName, NoMatch, Target, TargetHost, TargetName, canonical};
use gateway_policy::target::{dns_name_allowed, match_target};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::tls::Subject;
use memory::NameMemory;
use resolver::HostResolver;
pub use resolver::Lookup;
pub use route::{Lost, Route};

/// The targets of the configuration, and what is known about their names.
#[derive(Debug)]
pub struct Targets {
    known: watch::Sender<Arc<Known>>,
    memory: NameMemory,
}

/// One configuration, whole: nothing is judged by half of an old one and half of a new one.
#[derive(Debug)]
struct Known {
    config: Arc<Config>,
    resolver: Arc<HostResolver>,
}

/// What a question for a name comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameAnswer {
    NotAllowed,
    Found(Lookup),
    /// The host's resolver has no answer.
    Failed,
}

impl Targets {
    pub fn new(config: Arc<Config>) -> Self {
        Self { known: watch::Sender::new(Arc::new(Known::from(config))), memory: NameMemory::default() }
    }

    /// From now on another configuration holds, for open connections too. What agents were told about names stays
    /// known.
    pub fn replace(&self, config: Arc<Config>) {
        self.known.send_replace(Arc::new(Known::from(config)));
    }

    pub fn is_configured(&self, agent: &str) -> bool {
        self.known().config.agents.contains_key(agent)
    }

    pub fn agents(&self) -> Vec<String> {
        self.known().config.agents.keys().cloned().collect()
    }

    /// The target that a destination is for this agent.
    ///
    /// An agent may know an address without having asked here, from a hosts file or from before the gateway
    /// was restarted. So when what it asked does not lead to a target, the names of its own targets are
    /// looked up as well.
    pub async fn find(&self, agent: &str, destination: SocketAddr) -> Result<Route, NoMatch> {
        let known = self.known();
        let target = self.find_by(&known, agent, destination).await?;
        let protocol = known.config.targets.get(target.as_str()).ok_or(NoMatch::NoTarget)?.protocol;
        Ok(Route { agent: agent.to_owned(), destination, target, protocol, granted_by: known })
    }

    async fn find_by(
        &self,
        known: &Arc<Known>,
        agent: &str,
        destination: SocketAddr,
    ) -> Result<TargetName, NoMatch> {
        let address = canonical(destination.ip());
        let mut names = self.memory.names_for(agent, address);
        let matched = known.matched(agent, destination, &names);
        if matched.is_ok() {
            return matched;
        }
        names.extend(known.own_names_at(agent, address, destination.port()).await);
        known.matched(agent, destination, &names)
    }

    /// Whom an agent means by a destination of a target: the names that it has asked for and that led there, then the
    /// others of the target.
    pub fn subject(&self, agent: &str, target: &TargetName, destination: SocketAddr) -> Subject {
        let known = self.known();
        let address = canonical(destination.ip());
        let target = known.config.targets.get(target.as_str());
        let own: Vec<&HostName> = target.into_iter().flat_map(host_names).collect();
        let asked = self.memory.names_for(agent, address);
        let (mut names, others): (Vec<_>, Vec<_>) =
            own.into_iter().cloned().partition(|own| asked.iter().any(|(name, _)| name == own));
        names.extend(others);
        Subject { names, address }
    }

    /// Answers an agent's question, and remembers the answer as what this agent will mean by the addresses.
    pub async fn answer(&self, agent: &str, name: &str) -> NameAnswer {
        let known = self.known();
        let Ok(name) = HostName::parse(name) else { return NameAnswer::NotAllowed };
        if !dns_name_allowed(&known.config.targets, known.allowed(agent), name.as_str()) {
            return NameAnswer::NotAllowed;
        }
        match known.resolver.look_up(&name).await {
            Some(lookup) => {
                self.memory.remember(agent, &name, &lookup.addresses);
                NameAnswer::Found(lookup)
            }
            None => NameAnswer::Failed,
        }
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.borrow())
    }
}

impl From<Arc<Config>> for Known {
    fn from(config: Arc<Config>) -> Self {
        let resolver = HostResolver::new(names(&config.targets), config.dns.max_ttl, config.dns.timeout);
        Self { config, resolver: Arc::new(resolver) }
    }
}

impl Known {
    fn matched(
        &self,
        agent: &str,
        destination: SocketAddr,
        names: &[(HostName, u64)],
    ) -> Result<TargetName, NoMatch> {
        let names: Vec<AskedName<'_>> =
            names.iter().map(|(name, asked_at)| AskedName { name, asked_at: *asked_at }).collect();
        match_target(&self.config.targets, self.allowed(agent), destination, &names)
    }

    fn allowed(&self, agent: &str) -> &[String] {
        self.config.agents.get(agent).map(|agent| agent.targets.as_slice()).unwrap_or_default()
    }

    /// The names of the agent's own targets that the host finds at an address. All are looked up at once, so
    /// that the slowest of them is all there is to wait for.
    async fn own_names_at(&self, agent: &str, address: IpAddr, port: u16) -> Vec<(HostName, u64)> {
        let mut lookups = JoinSet::new();
        for name in self.own_names(agent, port) {
            let resolver = Arc::clone(&self.resolver);
            lookups.spawn(async move {
                let found = resolver.look_up(&name).await?;
                // Older than anything the agent asked for itself.
                found.addresses.contains(&address).then_some((name, 0))
            });
        }
        lookups.join_all().await.into_iter().flatten().collect()
    }

    fn own_names(&self, agent: &str, port: u16) -> Vec<HostName> {
        self.allowed(agent)
            .iter()
            .filter_map(|target| self.config.targets.get(target))
            .filter(|target| target.ports.contains(&port))
            .flat_map(host_names)
            .cloned()
            .collect()
    }
}

fn names(targets: &BTreeMap<String, Target>) -> impl Iterator<Item = HostName> {
    targets.values().flat_map(host_names).cloned()
}

fn host_names(target: &Target) -> impl Iterator<Item = &HostName> {
    target.hosts.iter().filter_map(|host| match host {
        TargetHost::Name(name) => Some(name),
        TargetHost::Address(_) | TargetHost::Network(_) => None,
    })
}

/// Addresses as they are compared: IPv4 inside IPv6 is IPv4.
fn canonical_all(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = addresses.map(canonical).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests;
