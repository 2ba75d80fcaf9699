//! Options that change where a socket's packets go, or what it believes of itself, behind the connect hooks.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::arena::{Arena, connect_and_deliver, ports, tcp, udp};
use super::attempt::{Attempt, Bare, Closer};
use super::outcome::Claim;
use super::tcp::{cookieless, fastopen};
use crate::sys::raw::{self, Address, Stopped};

const BY_PROGRAMS: &[Closer] = &[Closer::Cgroup];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape(
        "bind-to-device",
        "ties a TCP socket to the device towards the world",
        BY_PROGRAMS,
        |arena| {
            let socket = tcp(libc::AF_INET)?;
            raw::set_bytes(&socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, arena.device.as_bytes())?;
            connect_and_deliver(arena, socket, &arena.world4(ports::PLAIN))
        },
    ),
    Attempt::escape(
        "unicast-interface",
        "names the outgoing device by IP_UNICAST_IF",
        BY_PROGRAMS,
        |arena| {
            let socket = tcp(libc::AF_INET)?;
            raw::set_bytes(
                &socket,
                libc::IPPROTO_IP,
                libc::IP_UNICAST_IF,
                &arena.device_index.to_be_bytes(),
            )?;
            connect_and_deliver(arena, socket, &arena.world4(ports::PLAIN))
        },
    ),
    Attempt::escape("mark", "sets SO_MARK, which policy routing may honour", BY_PROGRAMS, |arena| {
        let socket = tcp(libc::AF_INET)?;
        raw::set_int(&socket, libc::SOL_SOCKET, libc::SO_MARK, 1)?;
        connect_and_deliver(arena, socket, &arena.world4(ports::PLAIN))
    })
    .bare(Bare::RootOnly),
    Attempt::escape(
        "source-route",
        "asks for a loose source route through the world and connects to loopback",
        BY_PROGRAMS,
        source_route,
    )
    .bare(Bare::RootOnly),
    Attempt::escape(
        "segment-routing",
        "asks for a segment route through the world and connects to loopback",
        BY_PROGRAMS,
        segment_routing,
    ),
    Attempt::escape(
        "freebind-source",
        "sends from an address that the host does not have",
        BY_PROGRAMS,
        |arena| {
            const IPV6_FREEBIND: i32 = 78;
            let socket = cookieless(libc::AF_INET6)?;
            raw::set_int(&socket, libc::IPPROTO_IPV6, IPV6_FREEBIND, 1)?;
            raw::bind(&socket, &SocketAddr::from((FOREIGN_SOURCE, 0)).into())?;
            fastopen(arena, &socket, &arena.world6(ports::PLAIN))
        },
    ),
    Attempt::escape(
        "transparent-source",
        "sends as a transparent proxy from any address",
        BY_PROGRAMS,
        |arena| {
            let socket = cookieless(libc::AF_INET)?;
            raw::set_int(&socket, libc::IPPROTO_IP, libc::IP_TRANSPARENT, 1)?;
            raw::bind(&socket, &foreign_source4())?;
            fastopen(arena, &socket, &arena.world4(ports::PLAIN))
        },
    )
    .bare(Bare::RootOnly),
    Attempt::escape("tcp-repair", "forges an established connection without a handshake", BY_PROGRAMS, forge)
        .bare(Bare::RootOnly),
    Attempt::escape(
        "addrform",
        "turns a mapped IPv6 socket into an IPv4 one while connected, then connects anew",
        BY_PROGRAMS,
        addrform,
    ),
    Attempt::escape(
        "short-address",
        "connects with an address cut to its shortest legal form",
        BY_PROGRAMS,
        |arena| {
            const SIN6_LEN_RFC2133: u32 = 24;
            let socket = tcp(libc::AF_INET6)?;
            raw::connect_bytes(&socket, &arena.world6(ports::PLAIN), SIN6_LEN_RFC2133)?;
            arena.deliver(socket)
        },
    ),
    Attempt::escape(
        "unspecified-family-address",
        "sends a datagram to an address whose family is left at zero",
        BY_PROGRAMS,
        |arena| {
            let mut rest = ports::PLAIN.to_be_bytes().to_vec();
            rest.extend_from_slice(&arena.world.v4.octets());
            rest.extend_from_slice(&[0; 8]);
            let to = Address::new(libc::AF_UNSPEC, &rest);
            raw::sendto(udp(libc::AF_INET)?, arena.bytes(), 0, Some(&to))?;
            Ok(Claim::Sent)
        },
    ),
    Attempt::escape(
        "ipv4-address-on-v6-socket",
        "sends an IPv4 address through an IPv6 socket",
        BY_PROGRAMS,
        |arena| {
            raw::sendto(udp(libc::AF_INET6)?, arena.bytes(), 0, Some(&arena.world4(ports::PLAIN)))?;
            Ok(Claim::Sent)
        },
    ),
];

/// Of no host at all (RFC 5737, RFC 3849).
const FOREIGN_SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 77);

fn foreign_source4() -> Address {
    SocketAddr::from((Ipv4Addr::new(203, 0, 113, 77), 0)).into()
}

/// In repair mode `connect` sends nothing: both ends are simply declared to be connected, with a window to send in.
fn forge(arena: &Arena) -> Result<Claim, Stopped> {
    const TCP_REPAIR: i32 = 19;
    const TCP_REPAIR_WINDOW: i32 = 29;
    const OFF_WITHOUT_PROBE: i32 = -1;
    let socket = tcp(libc::AF_INET)?;
    raw::set_int(&socket, libc::IPPROTO_TCP, TCP_REPAIR, 1)?;
    raw::bind(&socket, &SocketAddr::from((arena.host.v4, 0)).into())?;
    raw::connect(&socket, &arena.world4(ports::PLAIN))?;
    let window = [0_u32, 32_000, 32_000, 32_000, 0].map(u32::to_ne_bytes).concat();
    raw::set_bytes(&socket, libc::IPPROTO_TCP, TCP_REPAIR_WINDOW, &window)?;
    raw::set_int(&socket, libc::IPPROTO_TCP, TCP_REPAIR, OFF_WITHOUT_PROBE)?;
    arena.deliver(socket)
}

/// The packet's first hop becomes its destination, while the connect hooks see only the last one. The data goes
/// with the SYN, since nobody out there has to answer.
fn source_route(arena: &Arena) -> Result<Claim, Stopped> {
    const NO_OPERATION: u8 = 1;
    const LOOSE_SOURCE_ROUTE: u8 = 131;
    let [a, b, c, d] = arena.world.v4.octets();
    let options = [NO_OPERATION, LOOSE_SOURCE_ROUTE, 7, 4, a, b, c, d];
    let socket = cookieless(libc::AF_INET)?;
    raw::set_bytes(&socket, libc::IPPROTO_IP, libc::IP_OPTIONS, &options)?;
    raw::bind(&socket, &SocketAddr::from((arena.host.v4, 0)).into())?;
    fastopen(arena, &socket, &arena.world4(ports::PLAIN))
}

/// As `source_route`, with the IPv6 header that needs no privilege to be set.
fn segment_routing(arena: &Arena) -> Result<Claim, Stopped> {
    const SEGMENT_ROUTING: u8 = 4;
    let mut header = vec![0, 4, SEGMENT_ROUTING, 1, 1, 0, 0, 0];
    header.extend_from_slice(&[0; 16]);
    header.extend_from_slice(&arena.world.v6.octets());
    let socket = cookieless(libc::AF_INET6)?;
    raw::set_bytes(&socket, libc::IPPROTO_IPV6, libc::IPV6_RTHDR, &header)?;
    raw::bind(&socket, &SocketAddr::from((arena.host.v6, 0)).into())?;
    fastopen(arena, &socket, &arena.world6(ports::OTHER))
}

fn addrform(arena: &Arena) -> Result<Claim, Stopped> {
    let socket = tcp(libc::AF_INET6)?;
    raw::connect(&socket, &arena.world_mapped(ports::PLAIN))?;
    raw::set_int(&socket, libc::IPPROTO_IPV6, libc::IPV6_ADDRFORM, libc::AF_INET)?;
    raw::connect(&socket, &Address::unspecified())?;
    connect_and_deliver(arena, socket, &arena.world4(ports::OTHER))
}
