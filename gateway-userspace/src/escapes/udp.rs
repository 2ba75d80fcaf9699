//! Datagrams: every way to send one, and every kind of place to send it to.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use super::arena::{Arena, connect_and_deliver, patient, ports, udp};
use super::attempt::{Attempt, Bare, Closer};
use super::outcome::Claim;
use crate::sys::raw::{self, Address, During, Stopped};

const BY_PROGRAMS: &[Closer] = &[Closer::Cgroup];
const IPPROTO_UDPLITE: i32 = 136;
const MULTICAST4: Ipv4Addr = Ipv4Addr::new(239, 7, 7, 7);
/// All nodes of a link.
const MULTICAST6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape("udp-sendto", "sends a datagram to an IPv4 address", BY_PROGRAMS, |arena| {
        sendto(arena, &udp(libc::AF_INET)?, &arena.world4(ports::PLAIN))
    }),
    Attempt::escape("udp-connected", "connects a datagram socket and sends", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, udp(libc::AF_INET)?, &arena.world4(ports::PLAIN))
    }),
    Attempt::escape("udp-write", "connects a datagram socket and writes", BY_PROGRAMS, |arena| {
        let socket = udp(libc::AF_INET)?;
        raw::connect(&socket, &arena.world4(ports::PLAIN))?;
        File::from(socket).write_all(arena.bytes()).during("write").map(|()| Claim::Sent)
    }),
    Attempt::escape("udp6-sendto", "sends a datagram to an IPv6 address", BY_PROGRAMS, |arena| {
        sendto(arena, &udp(libc::AF_INET6)?, &arena.world6(ports::PLAIN))
    }),
    Attempt::escape("udp6-connected", "connects an IPv6 datagram socket and sends", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, udp(libc::AF_INET6)?, &arena.world6(ports::PLAIN))
    }),
    Attempt::escape("udp-v4-mapped", "sends a datagram to a mapped IPv4 address", BY_PROGRAMS, |arena| {
        sendto(arena, &udp(libc::AF_INET6)?, &arena.world_mapped(ports::PLAIN))
    }),
    Attempt::escape("udp-link-local", "sends a datagram to a link-local neighbour", BY_PROGRAMS, |arena| {
        sendto(arena, &udp(libc::AF_INET6)?, &arena.world_link_local(ports::PLAIN))
    }),
    Attempt::escape("udp-multicast", "sends a datagram to an IPv4 group", BY_PROGRAMS, |arena| {
        let socket = udp(libc::AF_INET)?;
        let interface = arena.host.v4.octets();
        raw::set_bytes(&socket, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &interface)?;
        sendto(arena, &socket, &SocketAddr::from((MULTICAST4, ports::PLAIN)).into())
    }),
    Attempt::escape("udp6-multicast", "sends a datagram to all nodes of the link", BY_PROGRAMS, |arena| {
        sendto(arena, &udp(libc::AF_INET6)?, &arena.on_link(MULTICAST6, ports::PLAIN))
    }),
    Attempt::escape("udp-broadcast", "broadcasts a datagram on the link", BY_PROGRAMS, |arena| {
        let socket = udp(libc::AF_INET)?;
        raw::set_int(&socket, libc::SOL_SOCKET, libc::SO_BROADCAST, 1)?;
        raw::bind(&socket, &SocketAddr::from((arena.host.v4, 0)).into())?;
        // The link is a /30: its broadcast address follows the world's.
        let [a, b, c, d] = arena.world.v4.octets();
        sendto(arena, &socket, &SocketAddr::from(([a, b, c, d.saturating_add(1)], ports::PLAIN)).into())
    }),
    Attempt::escape(
        "udp-loopback",
        "sends to somebody else's datagram service on this host",
        BY_PROGRAMS,
        |arena| sendto(arena, &udp(libc::AF_INET)?, &arena.local(Ipv4Addr::LOCALHOST)),
    ),
    Attempt::escape("udp6-loopback", "sends to a datagram service on ::1", BY_PROGRAMS, |arena| {
        sendto(arena, &udp(libc::AF_INET6)?, &arena.local(Ipv6Addr::LOCALHOST))
    }),
    Attempt::escape("udp-quic", "sends to UDP port 443, as QUIC does", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, udp(libc::AF_INET)?, &arena.world4(ports::QUIC))
    }),
    Attempt::escape("udp-sendmsg", "sends with sendmsg", BY_PROGRAMS, |arena| {
        let to = arena.world4(ports::PLAIN);
        raw::sendmsg(udp(libc::AF_INET)?, arena.bytes(), 0, Some(&to), &[]).map(|()| Claim::Sent)
    }),
    Attempt::escape("udp-sendmmsg", "sends a batch of datagrams", BY_PROGRAMS, |arena| {
        let to = arena.world4(ports::PLAIN);
        raw::sendmmsg(udp(libc::AF_INET)?, arena.bytes(), 0, Some(&to)).map(|()| Claim::Sent)
    }),
    Attempt::escape("udp6-sendmmsg", "sends a batch of IPv6 datagrams", BY_PROGRAMS, |arena| {
        let to = arena.world6(ports::PLAIN);
        raw::sendmmsg(udp(libc::AF_INET6)?, arena.bytes(), 0, Some(&to)).map(|()| Claim::Sent)
    }),
    Attempt::escape(
        "udp-packet-info",
        "names source and device in a control message",
        BY_PROGRAMS,
        |arena| {
            let to = arena.world4(ports::PLAIN);
            raw::sendmsg(udp(libc::AF_INET)?, arena.bytes(), 0, Some(&to), &packet_info(arena))
                .map(|()| Claim::Sent)
        },
    ),
    Attempt::escape(
        "udp-corked",
        "gathers a datagram in pieces and lets it go at the end",
        BY_PROGRAMS,
        |arena| {
            let (socket, to) = (udp(libc::AF_INET)?, arena.world4(ports::PLAIN));
            let (head, tail) = arena.bytes().split_at(4);
            raw::sendto(&socket, head, libc::MSG_MORE, Some(&to))?;
            raw::sendto(&socket, tail, 0, Some(&to)).map(|()| Claim::Sent)
        },
    ),
    Attempt::escape("udp-segmented", "lets the kernel cut one buffer into datagrams", BY_PROGRAMS, |arena| {
        let socket = udp(libc::AF_INET)?;
        raw::set_int(&socket, libc::IPPROTO_UDP, libc::UDP_SEGMENT, 64)?;
        let twice = [arena.bytes(), &[b' '; 29], arena.bytes()].concat();
        raw::sendto(&socket, &twice, 0, Some(&arena.world4(ports::PLAIN))).map(|()| Claim::Sent)
    }),
    Attempt::escape("udp-source-route", "sends to loopback by a loose source route", BY_PROGRAMS, |arena| {
        let [a, b, c, d] = arena.world.v4.octets();
        let socket = udp(libc::AF_INET)?;
        raw::set_bytes(&socket, libc::IPPROTO_IP, libc::IP_OPTIONS, &[1, 131, 7, 4, a, b, c, d])?;
        raw::bind(&socket, &SocketAddr::from((arena.host.v4, 0)).into())?;
        sendto(arena, &socket, &arena.world4(ports::OTHER))
    })
    .bare(Bare::RootOnly),
    Attempt::escape("udplite", "sends with UDP-Lite", BY_PROGRAMS, |arena| {
        sendto(arena, &lite(libc::AF_INET)?, &arena.world4(ports::PLAIN))
    }),
    Attempt::escape("udplite6", "sends with UDP-Lite over IPv6", BY_PROGRAMS, |arena| {
        sendto(arena, &lite(libc::AF_INET6)?, &arena.world6(ports::PLAIN))
    }),
    Attempt::escape(
        "udp-reconnect-from-dns",
        "connects to a resolver, dissolves that, and sends elsewhere",
        BY_PROGRAMS,
        |arena| {
            let socket = udp(libc::AF_INET)?;
            raw::connect(&socket, &arena.world4(ports::DNS))?;
            raw::connect(&socket, &Address::unspecified())?;
            connect_and_deliver(arena, socket, &arena.world4(ports::PLAIN))
        },
    ),
    Attempt::escape(
        "udp-elsewhere-from-dns",
        "connects to a resolver and names another destination in sendto",
        BY_PROGRAMS,
        |arena| {
            let socket = udp(libc::AF_INET)?;
            raw::connect(&socket, &arena.world4(ports::DNS))?;
            sendto(arena, &socket, &arena.world4(ports::PLAIN))
        },
    ),
];

fn sendto(arena: &Arena, socket: &OwnedFd, to: &Address) -> Result<Claim, Stopped> {
    raw::sendto(socket, arena.bytes(), 0, Some(to)).map(|()| Claim::Sent)
}

fn lite(family: i32) -> Result<OwnedFd, Stopped> {
    patient(raw::socket(family, libc::SOCK_DGRAM, IPPROTO_UDPLITE)?)
}

/// A ready IP_PKTINFO control message: header (length, level, type), then index and two addresses.
fn packet_info(arena: &Arena) -> Vec<u8> {
    let content = [arena.device_index.to_ne_bytes(), arena.host.v4.octets(), [0; 4]].concat();
    let mut message = (16 + content.len()).to_ne_bytes().to_vec();
    message.extend_from_slice(&libc::IPPROTO_IP.to_ne_bytes());
    message.extend_from_slice(&libc::IP_PKTINFO.to_ne_bytes());
    message.extend_from_slice(&content);
    message.resize(32, 0);
    message
}
