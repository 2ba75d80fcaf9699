//! The reverse way: the agent listens, and somebody outside dials it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::arena::{Arena, patient, tcp, udp};
use super::attempt::{Attempt, Closer, Dial, Need};
use super::outcome::Claim;
use crate::sys::raw::{self, Stopped};

const BY_PROGRAMS: &[Closer] = &[Closer::Cgroup];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape("inbound-any4", "listens on 0.0.0.0 and is dialled from outside", BY_PROGRAMS, |arena| {
        serve(arena, Ipv4Addr::UNSPECIFIED.into())
    })
    .needs(&[Need::Dialled(Dial::Tcp4)]),
    Attempt::escape("inbound-any6", "listens on :: and is dialled from outside", BY_PROGRAMS, |arena| {
        serve(arena, Ipv6Addr::UNSPECIFIED.into())
    })
    .needs(&[Need::Dialled(Dial::Tcp6)]),
    Attempt::escape("inbound-any6-by-4", "listens on :: and is dialled over IPv4", BY_PROGRAMS, |arena| {
        serve(arena, Ipv6Addr::UNSPECIFIED.into())
    })
    .needs(&[Need::Dialled(Dial::Tcp4)]),
    Attempt::escape(
        "inbound-address",
        "listens on the host's address and is dialled from outside",
        BY_PROGRAMS,
        |arena| serve(arena, arena.host.v4.into()),
    )
    .needs(&[Need::Dialled(Dial::Tcp4)]),
    Attempt::escape("inbound-udp", "receives a datagram from outside", BY_PROGRAMS, |arena| {
        let socket = udp(libc::AF_INET)?;
        raw::bind(&socket, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, arena.inbound_port)).into())?;
        let heard = raw::recv(&socket, 64)?;
        Ok(Claim::Obtained(String::from_utf8_lossy(&heard).into_owned()))
    })
    .needs(&[Need::Dialled(Dial::Udp4)]),
];

/// A reverse shell in miniature: whoever dials is told the token.
fn serve(arena: &Arena, on: IpAddr) -> Result<Claim, Stopped> {
    let server = tcp(if on.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 })?;
    raw::set_int(&server, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    raw::bind(&server, &SocketAddr::new(on, arena.inbound_port).into())?;
    raw::listen(&server)?;
    arena.deliver(patient(raw::accept(&server)?)?)
}
