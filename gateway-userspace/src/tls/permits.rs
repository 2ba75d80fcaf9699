//! What an authority may vouch for: the hosts of the targets that it was made for (RFC 5280, 4.2.1.10).
//!
//! An authority is installed where all programs of the host believe it. With this, whoever steals its key can pose
//! as a target and as nothing else.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use gateway_policy::target::TargetHost;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, GeneralSubtree as ReadSubtree};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permits {
    names: BTreeSet<String>,
    networks: BTreeSet<IpNet>,
}

impl<'a> FromIterator<&'a TargetHost> for Permits {
    fn from_iter<T: IntoIterator<Item = &'a TargetHost>>(hosts: T) -> Self {
        let mut permits = Self::default();
        for host in hosts {
            match host {
                TargetHost::Name(name) => drop(permits.names.insert(name.as_str().to_owned())),
                TargetHost::Address(address) => drop(permits.networks.insert(IpNet::from(*address))),
                TargetHost::Network(network) => drop(permits.networks.insert(*network)),
            }
        }
        permits
    }
}

impl Permits {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.networks.is_empty()
    }

    /// Whether all that `other` permits is permitted here too.
    pub fn cover(&self, other: &Self) -> bool {
        other.names.iter().all(|name| self.name(name))
            && other.networks.iter().all(|wanted| self.networks.iter().any(|known| known.contains(wanted)))
    }

    /// A permitted name permits all names below it.
    pub fn name(&self, name: &str) -> bool {
        let below =
            |known: &String| name.strip_suffix(known.as_str()).is_some_and(|rest| rest.ends_with('.'));
        self.names.contains(name) || self.names.iter().any(below)
    }

    pub fn address(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// A kind of name that is not mentioned would be permitted as a whole, so it is excluded as a whole.
    pub fn constraints(&self) -> NameConstraints {
        let names = self.names.iter().cloned().map(GeneralSubtree::DnsName);
        let networks = self.networks.iter().map(|network| subtree(*network));
        let mut excluded_subtrees = Vec::new();
        if self.names.is_empty() {
            excluded_subtrees.push(GeneralSubtree::DnsName(String::new()));
        }
        if self.networks.is_empty() {
            excluded_subtrees.extend(everywhere().map(subtree));
        }
        NameConstraints { permitted_subtrees: names.chain(networks).collect(), excluded_subtrees }
    }

    /// What a certificate permits. `None` if it is not bounded in the way that the gateway bounds them.
    pub fn read(certificate: &X509Certificate<'_>) -> Option<Self> {
        let constraints = certificate.name_constraints().ok()??;
        let permits = subtrees(constraints.value.permitted_subtrees.as_deref())?;
        let excluded = subtrees(constraints.value.excluded_subtrees.as_deref())?;
        let names = !permits.names.is_empty() || excluded.names.contains("");
        let networks =
            !permits.networks.is_empty() || everywhere().all(|all| excluded.networks.contains(&all));
        (constraints.critical && names && networks).then_some(permits)
    }
}

impl fmt::Display for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks =
            self.networks.iter().map(|network| match network.prefix_len() == network.max_prefix_len() {
                true => network.addr().to_string(),
                false => network.to_string(),
            });
        let all: Vec<String> = self.names.iter().cloned().chain(networks).collect();
        f.write_str(if all.is_empty() { "nothing" } else { "" })?;
        f.write_str(&all.join(", "))
    }
}

fn subtrees(read: Option<&[ReadSubtree<'_>]>) -> Option<Permits> {
    let mut subtrees = Permits::default();
    for ReadSubtree { base } in read.unwrap_or_default() {
        match base {
            GeneralName::DNSName(name) => drop(subtrees.names.insert((*name).to_owned())),
            GeneralName::IPAddress(bytes) => drop(subtrees.networks.insert(network(bytes)?)),
            _ => return None,
        }
    }
    Some(subtrees)
}

fn subtree(network: IpNet) -> GeneralSubtree {
    GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(network.network(), network.prefix_len()))
}

fn everywhere() -> impl Iterator<Item = IpNet> {
    [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())].into_iter()
}

/// An address and a mask of the same length.
fn network(bytes: &[u8]) -> Option<IpNet> {
    let (address, mask) = bytes.split_at_checked(bytes.len() / 2)?;
    match bytes.len() {
        8 => IpNet::with_netmask(v4(address)?, v4(mask)?).ok(),
        32 => IpNet::with_netmask(v6(address)?, v6(mask)?).ok(),
        _ => None,
    }
}

fn v4(bytes: &[u8]) -> Option<IpAddr> {
    Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?))
}

fn v6(bytes: &[u8]) -> Option<IpAddr> {
    Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(hosts: &[&str]) -> Permits {
        let hosts: Vec<TargetHost> = hosts.iter().map(|host| TargetHost::parse(host).expect(host)).collect();
        hosts.iter().collect()
    }

    #[test]
    fn what_is_below_a_permitted_name_is_permitted_and_its_neighbours_are_not() {
        let permits = permits(&["db.example.com", "192.0.2.1", "10.0.0.0/8"]);
        assert!(permits.name("db.example.com") && permits.name("a.db.example.com"));
        assert!(!permits.name("example.com") && !permits.name("otherdb.example.com"));
        assert!(permits.address([192, 0, 2, 1].into()) && permits.address([10, 9, 8, 7].into()));
        assert!(!permits.address([192, 0, 2, 2].into()));
    }

    #[test]
    fn one_set_covers_another_when_nothing_of_it_is_left_over() {
        let all = permits(&["db.example.com", "10.0.0.0/8"]);
        assert!(all.cover(&permits(&["db.example.com", "10.1.0.0/16"])));
        assert!(all.cover(&Permits::default()));
        assert!(!all.cover(&permits(&["db.example.com", "0.0.0.0/0"])));
        assert!(!all.cover(&permits(&["example.com"])));
    }

    #[test]
    fn a_kind_that_is_not_mentioned_is_excluded() {
        assert_eq!(permits(&["db.example.com"]).constraints().excluded_subtrees.len(), 2);
        assert_eq!(permits(&["10.0.0.0/8"]).constraints().excluded_subtrees.len(), 1);
        assert!(permits(&["db.example.com", "::1"]).constraints().excluded_subtrees.is_empty());
    }
}
