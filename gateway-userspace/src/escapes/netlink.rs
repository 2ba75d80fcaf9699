//! Netlink: the socket family that reconfigures the network, and that carries messages between processes.

use super::attempt::{Attempt, Bare, Closer};
use super::families::create;
use super::outcome::Claim;
use crate::sys::raw;

const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];

/// A kind of netlink that must not be had. Listing addresses is the only use that agents have for the family.
macro_rules! kind {
    ($name:literal, $vector:literal, $bare:expr, $protocol:expr) => {
        Attempt::escape($name, $vector, BY_TASK, |_| create(libc::AF_NETLINK, libc::SOCK_RAW, $protocol))
            .bare($bare)
    };
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    kind!(
        "netlink-netfilter",
        "opens a socket that changes packet filters",
        Bare::Anyone,
        libc::NETLINK_NETFILTER
    ),
    kind!("netlink-xfrm", "opens a socket that changes IPsec", Bare::SomeHosts, libc::NETLINK_XFRM),
    kind!(
        "netlink-generic",
        "opens a socket that changes tunnels and devices",
        Bare::Anyone,
        libc::NETLINK_GENERIC
    ),
    kind!("netlink-audit", "opens a socket to the audit system", Bare::SomeHosts, libc::NETLINK_AUDIT),
    kind!(
        "netlink-uevent",
        "opens a socket of device events, which can carry messages",
        Bare::Anyone,
        libc::NETLINK_KOBJECT_UEVENT
    ),
    kind!("netlink-usersock", "opens a socket between processes", Bare::Anyone, libc::NETLINK_USERSOCK),
    kind!(
        "netlink-rdma",
        "opens a socket that changes remote memory access",
        Bare::SomeHosts,
        libc::NETLINK_RDMA
    ),
    kind!("netlink-crypto", "opens a socket to the crypto subsystem", Bare::SomeHosts, libc::NETLINK_CRYPTO),
    kind!("netlink-scsi", "opens a socket to disk controllers", Bare::SomeHosts, libc::NETLINK_SCSITRANSPORT),
    kind!("netlink-connector", "opens a socket of process events", Bare::SomeHosts, libc::NETLINK_CONNECTOR),
    kind!(
        "netlink-sock-diag",
        "opens a socket that lists and kills sockets",
        Bare::SomeHosts,
        libc::NETLINK_INET_DIAG
    ),
    Attempt::must_work("netlink-route", "lists addresses, as resolvers and runtimes do", |_| {
        raw::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE).map(|_| Claim::Worked)
    }),
];
