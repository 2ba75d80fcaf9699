//! The sockets that wait for what must not come: in the world, on this host's addresses, in the file system.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;

use super::UnixPeers;
use super::watch::Source;
use crate::escapes::arena::ports;
use crate::sys::raw::{self, Address, Stopped};

/// Everything inside the world's namespace, which the caller has entered.
pub(super) fn outside(secret: &str) -> anyhow::Result<Vec<Source>> {
    let mut sources = vec![every_frame()?];
    for port in ports::ALL {
        let any: Address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into();
        let greeting = if port == ports::SECRET { secret.to_owned() } else { String::new() };
        let stream = raw::socket(libc::AF_INET6, libc::SOCK_STREAM, 0)?;
        raw::bind(&stream, &any)?;
        raw::set_int(&stream, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, 16)?;
        raw::listen(&stream)?;
        sources.push(Source::listener(stream, format!("the world, TCP port {port}"), greeting));
        let datagrams = raw::socket(libc::AF_INET6, libc::SOCK_DGRAM, 0)?;
        raw::bind(&datagrams, &any)?;
        sources.push(Source::datagrams(datagrams, format!("the world, UDP port {port}")));
    }
    Ok(sources)
}

/// Sees every frame that arrives, of whatever protocol.
fn every_frame() -> Result<Source, Stopped> {
    const PACKET_IGNORE_OUTGOING: i32 = 23;
    const EVERY_PROTOCOL: u16 = 3;
    let frames = raw::socket(libc::AF_PACKET, libc::SOCK_RAW, i32::from(EVERY_PROTOCOL.to_be()))?;
    raw::set_int(&frames, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)?;
    Ok(Source::datagrams(frames, "the wire".into()))
}

pub(super) struct Local {
    pub(super) sources: Vec<Source>,
    pub(super) port: u16,
}

/// Somebody else's service on every address of this host that an agent could think of, under one port.
pub(super) fn on_this_host(link: Ipv4Addr) -> anyhow::Result<Local> {
    let port = free_port(link)?;
    let addresses: [IpAddr; 4] = [
        Ipv4Addr::LOCALHOST.into(),
        Ipv4Addr::new(127, 1, 2, 3).into(),
        Ipv6Addr::LOCALHOST.into(),
        link.into(),
    ];
    let mut sources = Vec::new();
    for address in addresses {
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let place: Address = SocketAddr::new(address, port).into();
        let stream = raw::socket(family, libc::SOCK_STREAM, 0)?;
        let datagrams = raw::socket(family, libc::SOCK_DGRAM, 0)?;
        raw::bind(&stream, &place).with_context(|| format!("TCP port {port} of {address} is taken"))?;
        raw::bind(&datagrams, &place).with_context(|| format!("UDP port {port} of {address} is taken"))?;
        raw::listen(&stream)?;
        sources.push(Source::listener(stream, format!("a service on {address}"), String::new()));
        sources.push(Source::datagrams(datagrams, format!("a UDP service on {address}")));
    }
    Ok(Local { sources, port })
}

pub(super) fn free_port(address: Ipv4Addr) -> std::io::Result<u16> {
    Ok(TcpListener::bind((address, 0))?.local_addr()?.port())
}

pub(super) fn unix_peers(folder: &Path, name: &str) -> UnixPeers {
    UnixPeers {
        stream: folder.join("stream.sock"),
        seqpacket: folder.join("seqpacket.sock"),
        dgram: folder.join("dgram.sock"),
        abstract_stream: format!("{name}-stream"),
        abstract_dgram: format!("{name}-dgram"),
    }
}

pub(super) fn unix(peers: &UnixPeers) -> anyhow::Result<Vec<Source>> {
    let (stream, seqpacket) = (Address::unix_path(&peers.stream), Address::unix_path(&peers.seqpacket));
    let dgram = Address::unix_path(&peers.dgram);
    let abstract_stream = Address::unix_abstract(&peers.abstract_stream);
    let abstract_dgram = Address::unix_abstract(&peers.abstract_dgram);
    let sources = vec![
        unix_listener(libc::SOCK_STREAM, &stream, "a unix socket")?,
        unix_listener(libc::SOCK_SEQPACKET, &seqpacket, "a unix seqpacket socket")?,
        unix_listener(libc::SOCK_STREAM, &abstract_stream, "an abstract unix socket")?,
        unix_datagrams(&dgram, "a unix datagram socket")?,
        unix_datagrams(&abstract_dgram, "an abstract unix datagram socket")?,
    ];
    for path in [&peers.stream, &peers.seqpacket, &peers.dgram] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
    }
    Ok(sources)
}

fn unix_listener(kind: i32, address: &Address, place: &str) -> Result<Source, Stopped> {
    let socket = raw::socket(libc::AF_UNIX, kind, 0)?;
    raw::bind(&socket, address)?;
    raw::listen(&socket)?;
    Ok(Source::listener(socket, place.to_owned(), String::new()))
}

fn unix_datagrams(address: &Address, place: &str) -> Result<Source, Stopped> {
    let socket = raw::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0)?;
    raw::bind(&socket, address)?;
    Ok(Source::datagrams(socket, place.to_owned()))
}
