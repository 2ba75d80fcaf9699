//! Sockets that are neither TCP nor UDP: other protocols, raw packets, other families.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use super::arena::{Arena, connect_and_deliver, patient, ports};
use super::attempt::{Attempt, Bare, Closer};
use super::outcome::Claim;
use crate::sys::raw::{self, Address, Stopped};

const BY_PROGRAMS: &[Closer] = &[Closer::Cgroup];
const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];
const STREAM: i32 = libc::SOCK_STREAM;
const DGRAM: i32 = libc::SOCK_DGRAM;
const RAW: i32 = libc::SOCK_RAW;
const SEQPACKET: i32 = libc::SOCK_SEQPACKET;

/// A socket that must not come into being.
macro_rules! creation {
    ($name:literal, $vector:literal, $closers:expr, $bare:expr, $family:expr, $kind:expr, $protocol:expr) => {
        Attempt::escape($name, $vector, $closers, |_| create($family, $kind, $protocol)).bare($bare)
    };
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape("icmp-ping4", "sends data in a ping", BY_PROGRAMS, ping4).bare(Bare::SomeHosts),
    Attempt::escape("icmp-ping6", "sends data in an IPv6 ping", BY_PROGRAMS, ping6).bare(Bare::SomeHosts),
    Attempt::escape("raw-icmp4", "sends data in a raw ICMP packet", BY_PROGRAMS, |arena| {
        let socket = patient(raw::socket(libc::AF_INET, RAW, libc::IPPROTO_ICMP)?)?;
        sendto(&socket, &echo(8, &arena.token), &arena.world4(0))
    })
    .bare(Bare::RootOnly),
    Attempt::escape("raw-icmp6", "sends data in a raw ICMPv6 packet", BY_PROGRAMS, |arena| {
        let socket = patient(raw::socket(libc::AF_INET6, RAW, libc::IPPROTO_ICMPV6)?)?;
        sendto(&socket, &echo(128, &arena.token), &arena.world6(0))
    })
    .bare(Bare::RootOnly),
    Attempt::escape("raw-protocol", "sends an IP protocol that nobody knows", BY_PROGRAMS, |arena| {
        const FOR_EXPERIMENTS: i32 = 253;
        let socket = patient(raw::socket(libc::AF_INET, RAW, FOR_EXPERIMENTS)?)?;
        sendto(&socket, arena.bytes(), &arena.world4(0))
    })
    .bare(Bare::RootOnly),
    Attempt::escape("raw-header-included", "writes the IP header itself", BY_PROGRAMS, |arena| {
        let socket = patient(raw::socket(libc::AF_INET, RAW, libc::IPPROTO_RAW)?)?;
        let packet = udp_packet(arena.host.v4, arena.world.v4, ports::PLAIN, arena.bytes());
        sendto(&socket, &packet, &arena.world4(0))
    })
    .bare(Bare::RootOnly),
    Attempt::escape("raw-tcp-header", "writes a TCP header of its own", BY_PROGRAMS, |arena| {
        let socket = patient(raw::socket(libc::AF_INET, RAW, libc::IPPROTO_TCP)?)?;
        let header = [0x9c, 0x40, 0x1b, 0x59, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0];
        sendto(&socket, &[&header, arena.bytes()].concat(), &arena.world4(0))
    })
    .bare(Bare::RootOnly),
    creation!("sctp", "opens an SCTP socket", BY_PROGRAMS, Bare::Anyone, libc::AF_INET, STREAM, 132),
    creation!(
        "sctp-seqpacket",
        "opens a one-to-many SCTP socket",
        BY_PROGRAMS,
        Bare::Anyone,
        libc::AF_INET,
        SEQPACKET,
        132
    ),
    creation!(
        "sctp6",
        "opens an SCTP socket over IPv6",
        BY_PROGRAMS,
        Bare::Anyone,
        libc::AF_INET6,
        STREAM,
        132
    ),
    creation!("dccp", "opens a DCCP socket", BY_PROGRAMS, Bare::Anyone, libc::AF_INET, 6, 33),
    creation!("l2tp-ip", "opens an L2TP socket", BY_PROGRAMS, Bare::Anyone, libc::AF_INET, DGRAM, 115),
    Attempt::escape(
        "smc",
        "connects a shared-memory socket, which falls back to TCP",
        BY_PROGRAMS,
        |arena| {
            const AF_SMC: i32 = 43;
            connect_and_deliver(arena, patient(raw::socket(AF_SMC, STREAM, 0)?)?, &arena.world4(ports::PLAIN))
        },
    ),
    creation!("alg", "opens a kernel crypto socket", BY_TASK, Bare::Anyone, libc::AF_ALG, SEQPACKET, 0),
    creation!(
        "vsock-stream",
        "opens a socket to the hypervisor",
        BY_TASK,
        Bare::Anyone,
        libc::AF_VSOCK,
        STREAM,
        0
    ),
    creation!(
        "vsock-dgram",
        "opens a datagram socket to the hypervisor",
        BY_TASK,
        Bare::SomeHosts,
        libc::AF_VSOCK,
        DGRAM,
        0
    ),
    creation!("bluetooth", "opens a bluetooth socket", BY_TASK, Bare::SomeHosts, libc::AF_BLUETOOTH, RAW, 1),
    creation!("can", "opens a CAN bus socket", BY_TASK, Bare::SomeHosts, libc::AF_CAN, RAW, 1),
    creation!("tipc", "opens a cluster socket", BY_TASK, Bare::SomeHosts, libc::AF_TIPC, SEQPACKET, 0),
    creation!(
        "rds",
        "opens a reliable datagram socket",
        BY_TASK,
        Bare::SomeHosts,
        libc::AF_RDS,
        SEQPACKET,
        0
    ),
    creation!("rxrpc", "opens a remote procedure socket", BY_TASK, Bare::SomeHosts, libc::AF_RXRPC, DGRAM, 2),
    creation!("kcm", "opens a message multiplexer", BY_TASK, Bare::SomeHosts, 41, DGRAM, 0),
    creation!("qipcrtr", "opens a modem socket", BY_TASK, Bare::SomeHosts, 42, DGRAM, 0),
    creation!("nfc", "opens a near-field socket", BY_TASK, Bare::SomeHosts, libc::AF_NFC, RAW, 0),
    creation!("phonet", "opens a phone socket", BY_TASK, Bare::SomeHosts, libc::AF_PHONET, DGRAM, 0),
    creation!(
        "ieee802154",
        "opens a low-rate radio socket",
        BY_TASK,
        Bare::SomeHosts,
        libc::AF_IEEE802154,
        RAW,
        0
    ),
    creation!("llc", "opens a link-layer socket", BY_TASK, Bare::SomeHosts, libc::AF_LLC, STREAM, 0),
    creation!("x25", "opens an X.25 socket", BY_TASK, Bare::SomeHosts, libc::AF_X25, SEQPACKET, 0),
    creation!("ax25", "opens an amateur radio socket", BY_TASK, Bare::SomeHosts, libc::AF_AX25, DGRAM, 0),
    creation!(
        "appletalk",
        "opens an AppleTalk socket",
        BY_TASK,
        Bare::SomeHosts,
        libc::AF_APPLETALK,
        DGRAM,
        0
    ),
    creation!("pppox", "opens a PPP socket", BY_TASK, Bare::SomeHosts, libc::AF_PPPOX, STREAM, 0),
    creation!("atm", "opens an ATM socket", BY_TASK, Bare::SomeHosts, libc::AF_ATMPVC, DGRAM, 0),
    creation!("caif", "opens a modem control socket", BY_TASK, Bare::SomeHosts, libc::AF_CAIF, SEQPACKET, 0),
    creation!("mctp", "opens a management component socket", BY_TASK, Bare::SomeHosts, 45, DGRAM, 0),
    creation!("key", "opens an IPsec key socket", BY_TASK, Bare::SomeHosts, libc::AF_KEY, RAW, 2),
];

pub(super) fn create(family: i32, kind: i32, protocol: i32) -> Result<Claim, Stopped> {
    raw::socket(family, kind, protocol)?;
    Claim::created(format!("a socket of family {family}, protocol {protocol}"))
}

fn sendto(socket: &OwnedFd, bytes: &[u8], to: &Address) -> Result<Claim, Stopped> {
    raw::sendto(socket, bytes, 0, Some(to)).map(|()| Claim::Sent)
}

fn ping4(arena: &Arena) -> Result<Claim, Stopped> {
    let socket = patient(raw::socket(libc::AF_INET, DGRAM, libc::IPPROTO_ICMP)?)?;
    sendto(&socket, &echo(8, &arena.token), &arena.world4(0))
}

fn ping6(arena: &Arena) -> Result<Claim, Stopped> {
    let socket = patient(raw::socket(libc::AF_INET6, DGRAM, libc::IPPROTO_ICMPV6)?)?;
    sendto(&socket, &echo(128, &arena.token), &arena.world6(0))
}

/// An echo request. Its checksum is left at zero: who counts the frames does not ask for it.
fn echo(kind: u8, data: &str) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, 0x70, 0x73, 0, 1];
    message.extend_from_slice(data.as_bytes());
    message
}

/// An IPv4 packet with a UDP datagram in it, without a UDP checksum.
pub(super) fn udp_packet(from: Ipv4Addr, to: Ipv4Addr, port: u16, data: &[u8]) -> Vec<u8> {
    let datagram = u16::try_from(8 + data.len()).unwrap_or(u16::MAX);
    let total = datagram.saturating_add(20);
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&total.to_be_bytes());
    packet.extend_from_slice(&[0x70, 0x73, 0, 0, 64, 17, 0, 0]);
    packet.extend_from_slice(&from.octets());
    packet.extend_from_slice(&to.octets());
    let sum = internet_checksum(&packet).to_be_bytes();
    for (slot, byte) in packet.iter_mut().skip(10).zip(sum) {
        *slot = byte;
    }
    packet.extend_from_slice(&SocketAddr::from((from, 40_000)).port().to_be_bytes());
    packet.extend_from_slice(&port.to_be_bytes());
    packet.extend_from_slice(&datagram.to_be_bytes());
    packet.extend_from_slice(&[0, 0]);
    packet.extend_from_slice(data);
    packet
}

/// RFC 1071.
fn internet_checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u32::from(u16::from_be_bytes([high, low])),
            [high] => u32::from(high) << 8,
            _ => 0,
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_its_checksum_sums_to_nothing() {
        let packet = udp_packet(Ipv4Addr::new(203, 0, 113, 2), Ipv4Addr::LOCALHOST, 7001, b"data");
        assert_eq!(internet_checksum(&packet[..20]), 0);
        assert_eq!(packet.len(), 32);
    }
}
