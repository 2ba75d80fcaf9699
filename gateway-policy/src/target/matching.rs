//! From a destination to the one target it is, or to the reason why it is none.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{HostName, Target, TargetHost, TargetName, canonical};

/// A name that this agent looked up and that was answered with the destination's address.
///
/// Names that other agents asked for must not be given here: one agent could then steer how the
/// connections of another are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedName<'a> {
    pub name: &'a HostName,
    /// Anything that grows with time; only the order counts.
    pub asked_at: u64,
}

/// Why a destination is no target of this agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoMatch {
    NoTarget,
    NotForThisAgent,
    Ambiguous,
}

impl fmt::Display for NoMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTarget => "the destination is no target",
            Self::NotForThisAgent => "the destination is a target that this agent may not use",
            Self::Ambiguous => "the destination is several targets at once",
        })
    }
}

/// How well a host fits a destination; more is better.
///
/// A name says what the agent meant, so it beats any address; an address beats a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Network { prefix: u8 },
    Address,
    Name { asked_at: u64 },
}

/// Finds the target that best fits `destination`.
///
/// All targets are looked at, not only the `allowed` ones, so that a closer target that is not for
/// this agent closes the door that a wide network of its own would have opened. Among targets that
/// fit equally well those of the agent count.
pub fn match_target(
    targets: &BTreeMap<String, Target>,
    allowed: &[String],
    destination: SocketAddr,
    names: &[AskedName<'_>],
) -> Result<TargetName, NoMatch> {
    let address = canonical(destination.ip());
    let fits = || {
        targets.iter().filter(|(_, target)| target.ports.contains(&destination.port())).filter_map(
            |(name, target)| {
                let best = target.hosts.iter().filter_map(|host| fit(host, address, names)).max()?;
                Some((best, name))
            },
        )
    };
    let best = fits().map(|(fit, _)| fit).max().ok_or(NoMatch::NoTarget)?;
    let candidates: Vec<&String> =
        fits().filter(|(fit, name)| *fit == best && allowed.contains(name)).map(|(_, name)| name).collect();
    match candidates.as_slice() {
        [] => Err(NoMatch::NotForThisAgent),
        [name] => TargetName::parse(name).ok_or(NoMatch::NoTarget),
        _ => Err(NoMatch::Ambiguous),
    }
}

fn fit(host: &TargetHost, address: IpAddr, names: &[AskedName<'_>]) -> Option<Fit> {
    match host {
        TargetHost::Name(name) => {
            let asked = names.iter().filter(|asked| asked.name == name).map(|asked| asked.asked_at).max();
            asked.map(|asked_at| Fit::Name { asked_at })
        }
        TargetHost::Address(own) => (canonical(*own) == address).then_some(Fit::Address),
        TargetHost::Network(network) => {
            let inside = network.contains(&address) && may_reach(network, address);
            inside.then_some(Fit::Network { prefix: network.prefix_len() })
        }
    }
}

/// Networks that mean the host itself or its own link. A wide network such as `0.0.0.0/0` must not
/// open the host's loopback services or a cloud's metadata address by accident.
fn may_reach(network: &IpNet, address: IpAddr) -> bool {
    match own_link(address) {
        Some(special) => special.contains(network),
        None => true,
    }
}

fn own_link(address: IpAddr) -> Option<IpNet> {
    use core::net::{Ipv4Addr, Ipv6Addr};
    let special = [
        IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
        IpNet::new_assert(Ipv4Addr::new(169, 254, 0, 0).into(), 16),
        IpNet::new_assert(Ipv6Addr::LOCALHOST.into(), 128),
        IpNet::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0).into(), 10),
    ];
    special.into_iter().find(|network| network.contains(&address))
}

/// Whether an agent may look a name up: exactly the host names of its own targets.
///
/// Any other answer, even "no such name", would carry data out in the question.
pub fn dns_name_allowed(targets: &BTreeMap<String, Target>, allowed: &[String], name: &str) -> bool {
    let Ok(name) = HostName::parse(name) else { return false };
    allowed
        .iter()
        .filter_map(|target| targets.get(target))
        .flat_map(|target| &target.hosts)
        .any(|host| matches!(host, TargetHost::Name(own) if *own == name))
}
