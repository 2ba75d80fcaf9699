//! Which named target a destination is, and what an agent's question for a name is answered with.
//!
//! The decision is `gateway_policy::target`'s. Here are the facts for it: the names each agent looked up
//! (`memory.rs`) and what the host's own resolver says (`resolver.rs`).

mod memory;
mod resolver;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gateway_policy::target::{AskedName, HostName, NoMatch, Target, TargetHost, TargetName, canonical};
use gateway_policy::target::{dns_name_allowed, match_target};

use crate::config::Config;
use memory::NameMemory;
use resolver::HostResolver;
pub use resolver::Lookup;

/// The targets of the configuration, and what is known about their names.
#[derive(Debug)]
pub struct Targets {
    config: Arc<Config>,
    memory: NameMemory,
    resolver: HostResolver,
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
        let resolver = HostResolver::new(names(&config.targets), config.dns.max_ttl, config.dns.timeout);
        Self { config, memory: NameMemory::default(), resolver }
    }

    pub fn is_configured(&self, agent: &str) -> bool {
        self.config.agents.contains_key(agent)
    }

    /// The target that a destination is for this agent.
    ///
    /// An agent may know an address without having asked here, from a hosts file or from before the gateway
    /// was restarted. So when what it asked does not lead to a target, the names of its own targets are
    /// looked up as well.
    pub async fn find(&self, agent: &str, destination: SocketAddr) -> Result<TargetName, NoMatch> {
        let address = canonical(destination.ip());
        let mut names = self.memory.names_for(agent, address);
        let matched = self.matched(agent, destination, &names);
        if matched.is_ok() {
            return matched;
        }
        for name in self.own_names(agent, destination.port()) {
            let found = self.resolver.look_up(&name).await;
            if found.is_some_and(|lookup| lookup.addresses.contains(&address)) {
                names.push((name, 0));
            }
        }
        self.matched(agent, destination, &names)
    }

    /// Answers an agent's question, and remembers the answer as what this agent will mean by the addresses.
    pub async fn answer(&self, agent: &str, name: &str) -> NameAnswer {
        let allowed = self.allowed(agent);
        let Ok(name) = HostName::parse(name) else { return NameAnswer::NotAllowed };
        if !dns_name_allowed(&self.config.targets, allowed, name.as_str()) {
            return NameAnswer::NotAllowed;
        }
        match self.resolver.look_up(&name).await {
            Some(lookup) => {
                self.memory.remember(agent, &name, &lookup.addresses);
                NameAnswer::Found(lookup)
            }
            None => NameAnswer::Failed,
        }
    }

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
