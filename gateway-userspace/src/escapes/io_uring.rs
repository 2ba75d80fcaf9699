//! Requests that io_uring carries out in place of system calls.

use super::arena::{Arena, patient, ports, sent_or_cut_off, tcp, udp};
use super::attempt::{Attempt, Bare, Closer, Need};
use super::outcome::Claim;
use crate::sys::raw::{self, Address, Ring, Stopped};

const BY_PROGRAMS: &[Closer] = &[Closer::Cgroup];
const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape("io-uring-connect", "connects by io_uring", BY_PROGRAMS, |arena| {
        connect_and_send(arena, Ring::new()?, libc::AF_INET, &arena.world4(ports::PLAIN))
    }),
    Attempt::escape("io-uring-connect6", "connects over IPv6 by io_uring", BY_PROGRAMS, |arena| {
        connect_and_send(arena, Ring::new()?, libc::AF_INET6, &arena.world6(ports::PLAIN))
    }),
    Attempt::escape(
        "io-uring-sqpoll-connect",
        "lets the kernel's polling thread connect",
        BY_PROGRAMS,
        |arena| connect_and_send(arena, Ring::polled()?, libc::AF_INET, &arena.world4(ports::PLAIN)),
    ),
    Attempt::escape("io-uring-sendmsg", "sends a datagram by io_uring", BY_PROGRAMS, |arena| {
        Ring::new()?
            .sendto(udp(libc::AF_INET)?, arena.bytes(), &arena.world4(ports::PLAIN))
            .map(|()| Claim::Sent)
    }),
    Attempt::escape(
        "io-uring-socket",
        "makes, connects and uses a socket by io_uring alone",
        BY_PROGRAMS,
        |arena| {
            let mut ring = Ring::new()?;
            let socket = patient(ring.socket(libc::AF_INET, libc::SOCK_STREAM, 0)?)?;
            ring.connect(&socket, &arena.world4(ports::PLAIN))?;
            sent_or_cut_off(ring.send(&socket, arena.bytes()))
        },
    ),
    Attempt::escape("io-uring-socket-packet", "makes a packet socket by io_uring", BY_TASK, |_| {
        Ring::new()?.socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
        Claim::created("a packet socket")
    })
    .bare(Bare::RootOnly),
    Attempt::escape("io-uring-socket-raw", "makes a raw IP socket by io_uring", BY_PROGRAMS, |_| {
        Ring::new()?.socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)?;
        Claim::created("a raw socket")
    })
    .bare(Bare::RootOnly),
    Attempt::escape("io-uring-unix", "connects to somebody's unix socket by io_uring", BY_TASK, |arena| {
        let mut ring = Ring::new()?;
        let socket = patient(raw::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?)?;
        ring.connect(&socket, &Address::unix_path(&arena.unix.stream))?;
        ring.send(&socket, arena.bytes()).map(|()| Claim::Sent)
    }),
    Attempt::must_work("io-uring-own-pair", "uses io_uring between its own sockets", |_| {
        let (one, other) = raw::socket_pair(libc::SOCK_STREAM)?;
        Ring::new()?.send(&one, b"question")?;
        let heard = raw::recv(&other, 16)?;
        Ok(if heard == b"question" { Claim::Worked } else { Claim::Broken("other bytes were heard".into()) })
    })
    .needs(&[Need::Unconfined]),
];

fn connect_and_send(arena: &Arena, mut ring: Ring, family: i32, to: &Address) -> Result<Claim, Stopped> {
    let socket = tcp(family)?;
    ring.connect(&socket, to)?;
    sent_or_cut_off(ring.send(&socket, arena.bytes()))
}
