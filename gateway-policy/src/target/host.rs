//! The hosts of a target: an exact name, an address or a network.

use alloc::string::String;
use core::fmt;
use core::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// The longest name that DNS can carry, without its trailing dot (RFC 1035, 2.3.4).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;
/// `::ffff:0:0/96` holds IPv4 inside IPv6, so a prefix within it is 96 bits longer.
const MAPPED_PREFIX: u8 = 96;

/// One of the places where a target is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetHost {
    Name(HostName),
    Address(IpAddr),
    Network(IpNet),
}

/// What is wrong with a host, with the remedy where there is an obvious one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    Name,
    Wildcard,
    LooksLikeAddress,
    HasPort,
    Network,
    HostBits(IpNet),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("a host is an exact name, an address or a network such as 10.0.0.0/8"),
            Self::Wildcard => f.write_str("wildcards are not known here; list each name"),
            Self::LooksLikeAddress => f.write_str("it looks like an address but is none"),
            Self::HasPort => f.write_str("a host has no port or scheme; ports stand in `ports`"),
            Self::Network => f.write_str("it is not a network; one looks like 10.0.0.0/8 or fd00::/8"),
            Self::HostBits(network) => write!(f, "it has bits beyond its prefix; did you mean {network}?"),
        }
    }
}

impl core::error::Error for HostError {}

impl TargetHost {
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        if text.contains('*') {
            return Err(HostError::Wildcard);
        }
        if text.contains("://") || text.starts_with('[') {
            return Err(HostError::HasPort);
        }
        if text.contains('/') {
            return parse_network(text).map(Self::Network);
        }
        match text.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => Err(HostError::LooksLikeAddress),
            Some(_) => Err(HostError::HasPort),
            None => HostName::parse(text).map(Self::Name),
        }
    }
}

impl fmt::Display for TargetHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name.as_str()),
            Self::Address(address) => write!(f, "{address}"),
            Self::Network(network) => write!(f, "{network}"),
        }
    }
}

fn parse_network(text: &str) -> Result<IpNet, HostError> {
    let network: IpNet = text.parse().map_err(|_| HostError::Network)?;
    let network = match network {
        IpNet::V6(v6) if v6.prefix_len() >= MAPPED_PREFIX => match v6.addr().to_ipv4_mapped() {
            Some(v4) => Ipv4Net::new(v4, v6.prefix_len() - MAPPED_PREFIX)
                .map(IpNet::V4)
                .map_err(|_| HostError::Network)?,
            None => network,
        },
        IpNet::V4(_) | IpNet::V6(_) => network,
    };
    if network == network.trunc() { Ok(network) } else { Err(HostError::HostBits(network.trunc())) }
}

/// A host name in its one spelling: lower case, no trailing dot, within the bounds of DNS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.len() > NAME_MAX || !name.split('.').all(is_label) {
            return Err(HostError::Name);
        }
        // A resolver takes `10.0.0.256` or `0x7f.1` for an address, or fails; nobody means it as a name.
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
            return Err(HostError::LooksLikeAddress);
        }
        Ok(Self(name.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Letters, digits, `-` and the `_` that many private zones use.
fn is_label(label: &str) -> bool {
    (1..=LABEL_MAX).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The address that a connect really reaches: IPv4 inside IPv6 is IPv4, and the unspecified address
/// is the host's own loopback.
pub fn canonical(address: IpAddr) -> IpAddr {
    use core::net::{Ipv4Addr, Ipv6Addr};
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}
