//! The names that each agent looked up, and the addresses it was told.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gateway_policy::target::HostName;

/// Addresses remembered for one agent. The one that was told longest ago makes room.
const ADDRESSES: usize = 4096;

/// Kept apart by agent: one must not be able to steer how another's connections are read.
#[derive(Debug, Default)]
pub struct NameMemory {
    agents: Mutex<HashMap<String, Told>>,
}

#[derive(Debug, Default)]
struct Told {
    /// Grows with each answer; the order is all that counts.
    answers: u64,
    addresses: HashMap<IpAddr, Vec<(HostName, u64)>>,
}

impl NameMemory {
    pub fn remember(&self, agent: &str, name: &HostName, addresses: &[IpAddr]) {
        let mut agents = self.agents();
        let told = agents.entry(agent.to_owned()).or_default();
        told.answers += 1;
        for address in addresses {
            told.make_room(address);
            let names = told.addresses.entry(*address).or_default();
            names.retain(|(known, _)| known != name);
            names.push((name.clone(), told.answers));
        }
    }

    /// The names that led this agent to the address, with the order in which they were asked.
    pub fn names_for(&self, agent: &str, address: IpAddr) -> Vec<(HostName, u64)> {
        let agents = self.agents();
        agents.get(agent).and_then(|told| told.addresses.get(&address)).cloned().unwrap_or_default()
    }

    fn agents(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn make_room(&mut self, address: &IpAddr) {
        if self.addresses.len() < ADDRESSES || self.addresses.contains_key(address) {
            return;
        }
        let oldest = self
            .addresses
            .iter()
            .min_by_key(|(_, names)| names.iter().map(|(_, asked_at)| *asked_at).max())
            .map(|(address, _)| *address);
        oldest.and_then(|address| self.addresses.remove(&address));
    }
}
