//! The kernel's decisions as plain functions of facts that a hook has gathered. The programs gather, ask here, act.

use crate::event::Why;
use crate::settings::serves;
use crate::watch::{NOBODY, Watch, flags};

pub const IPPROTO_ICMP: u32 = 1;
pub const IPPROTO_TCP: u32 = 6;
pub const IPPROTO_UDP: u32 = 17;
pub const SOCK_STREAM: u32 = 1;
pub const SOCK_DGRAM: u32 = 2;
pub const AF_UNIX: u32 = 1;
pub const AF_INET: u32 = 2;
pub const AF_INET6: u32 = 10;
pub const AF_NETLINK: u32 = 16;
pub const NETLINK_ROUTE: u32 = 0;
const DNS_PORT: u16 = 53;

/// What becomes of an attempt in a watched cgroup.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Refuse(Why),
}

/// What becomes of a connect.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connect {
    /// To the gateway's listener, with the original destination kept.
    Gateway,
    /// To the gateway's resolver front, with the original destination kept.
    Dns,
    /// Straight to a listener of the same agent.
    Own,
    Refuse(Why),
}

/// Everything a connect or a datagram is judged by.
#[derive(Clone, Copy, Debug)]
pub struct ConnectFacts {
    pub watch: Watch,
    pub uid: u32,
    pub socket_type: u32,
    pub protocol: u32,
    /// Host order.
    pub port: u16,
    /// What the gateway serves in this network namespace.
    pub served: u32,
    /// The destination is a loopback listener that carries this agent's mark.
    pub own_listener: bool,
}

/// Where may this connect (or datagram) go?
#[inline(always)]
pub fn connect(facts: &ConnectFacts) -> Connect {
    if let Verdict::Refuse(why) = standing(facts.watch, facts.uid) {
        return Connect::Refuse(why);
    }
    match (facts.socket_type, facts.protocol) {
        (SOCK_STREAM, IPPROTO_TCP) if facts.own_listener => Connect::Own,
        (SOCK_STREAM, IPPROTO_TCP) => if_served(facts, serves::TCP, Connect::Gateway),
        (SOCK_DGRAM, IPPROTO_UDP) if facts.port == DNS_PORT => if_served(facts, serves::DNS, Connect::Dns),
        (SOCK_DGRAM, IPPROTO_UDP) => Connect::Refuse(Why::Udp),
        _ => Connect::Refuse(Why::Protocol),
    }
}

#[inline(always)]
fn if_served(facts: &ConnectFacts, what: u32, route: Connect) -> Connect {
    if facts.served & what != 0 { route } else { Connect::Refuse(Why::ForeignNetns) }
}

/// May a process with this uid use the network from this cgroup at all?
#[inline(always)]
pub fn standing(watch: Watch, uid: u32) -> Verdict {
    if watch.agent == NOBODY {
        return Verdict::Refuse(Why::Nobody);
    }
    if uid == 0 && !watch.has(flags::ROOT_ALLOWED) {
        return Verdict::Refuse(Why::Root);
    }
    Verdict::Pass
}

/// May an agent create an internet socket of this kind? TCP and UDP only: everything else either carries data past
/// the connect hooks or shows the agent a peer that it did not ask for (MPTCP).
#[inline(always)]
pub fn inet_socket(socket_type: u32, protocol: u32) -> Verdict {
    match (socket_type, protocol) {
        (SOCK_STREAM, 0 | IPPROTO_TCP) | (SOCK_DGRAM, 0 | IPPROTO_UDP) => Verdict::Pass,
        _ => Verdict::Refuse(Why::Protocol),
    }
}

/// May an agent create a socket of this family? Asked by the second layer, which sees every family.
#[inline(always)]
pub fn any_socket(family: u32, socket_type: u32, protocol: u32) -> Verdict {
    match family {
        AF_UNIX => Verdict::Pass,
        AF_INET | AF_INET6 => inet_socket(socket_type, protocol),
        // Resolvers and runtimes list addresses through it.
        AF_NETLINK if protocol == NETLINK_ROUTE => Verdict::Pass,
        AF_NETLINK => Verdict::Refuse(Why::Protocol),
        _ => Verdict::Refuse(Why::Family),
    }
}

/// A packet that leaves a socket of a watched cgroup.
#[derive(Clone, Copy, Debug)]
pub struct PacketFacts {
    pub protocol: u32,
    /// The far end is a loopback address.
    pub loopback: bool,
    /// The socket carries this agent's mark, hence passed the hooks.
    pub marked: bool,
    /// Destination port for egress, host order.
    pub port: u16,
    pub dns_port: u16,
}

/// The backstop: what no hook let out must not leave as a packet either.
#[inline(always)]
pub fn egress(facts: &PacketFacts) -> Verdict {
    if !facts.loopback {
        return Verdict::Refuse(Why::NotLoopback);
    }
    if !facts.marked {
        return Verdict::Refuse(Why::Unmarked);
    }
    match facts.protocol {
        IPPROTO_TCP => Verdict::Pass,
        IPPROTO_UDP if facts.port == facts.dns_port => Verdict::Pass,
        IPPROTO_UDP => Verdict::Refuse(Why::Udp),
        _ => Verdict::Refuse(Why::Protocol),
    }
}

/// A packet that arrives at a socket of a watched cgroup.
#[derive(Clone, Copy, Debug)]
pub struct ArrivalFacts {
    pub watch: Watch,
    pub loopback: bool,
    /// It opens a TCP connection.
    pub opens: bool,
    /// It comes from the same agent.
    pub from_self: bool,
}

/// Listeners of an agent are reached over loopback only, or by the agent alone.
#[inline(always)]
pub fn ingress(facts: &ArrivalFacts) -> Verdict {
    if !facts.loopback {
        return Verdict::Refuse(Why::Inbound);
    }
    if facts.opens && facts.watch.has(flags::INBOUND_OWN) && !facts.from_self {
        return Verdict::Refuse(Why::Inbound);
    }
    Verdict::Pass
}

#[cfg(test)]
mod tests;
