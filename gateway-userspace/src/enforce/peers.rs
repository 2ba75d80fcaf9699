//! The unix sockets that each agent may talk to, as the kernel side knows them: by inode or abstract name. A server
//! that starts again has another inode, so the list is made anew from time to time.

use std::{fs, os::unix::fs::MetadataExt as _};

use aya::maps::MapError;
use gateway_common::watch::PeerKey;
use nix::sys::stat::{major, minor};

use super::maps::Told;
use crate::config::{Config, UnixPeer};

/// Makes the kernel's list agree with the configuration and with the sockets that exist now.
pub fn refresh(told: &mut Told, config: &Config) -> Result<(), MapError> {
    let wanted: Vec<PeerKey> = config
        .agents
        .iter()
        .flat_map(|(name, agent)| {
            let id = Config::agent_id(name);
            agent.unix_sockets.iter().filter_map(move |peer| key(id, peer))
        })
        .collect();
    let known: Vec<PeerKey> = told.peers.keys().filter_map(Result::ok).collect();
    for gone in known.iter().filter(|key| !wanted.contains(key)) {
        told.peers.remove(gone)?;
    }
    for fresh in wanted.iter().filter(|key| !known.contains(key)) {
        told.peers.insert(fresh, 1, 0)?;
    }
    Ok(())
}

/// `None` while no such socket exists: nothing to allow.
fn key(agent: u32, peer: &UnixPeer) -> Option<PeerKey> {
    match peer {
        UnixPeer::Abstract(name) => PeerKey::abstract_name(agent, name.as_bytes()),
        UnixPeer::Path(path) => {
            let facts = fs::metadata(path).ok()?;
            Some(PeerKey::path(agent, kernel_device(facts.dev())?, facts.ino()))
        }
    }
}

/// A device number as the kernel keeps it: 12 bits of major above 20 bits of minor.
fn kernel_device(dev: u64) -> Option<u32> {
    let (major, minor) = (u32::try_from(major(dev)).ok()?, u32::try_from(minor(dev)).ok()?);
    (major < 1 << 12 && minor < 1 << 20).then_some(major << 20 | minor)
}
