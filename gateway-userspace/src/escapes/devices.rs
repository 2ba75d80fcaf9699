//! Below IP: packet sockets, express data paths, network devices of one's own.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::Ipv4Addr;

use super::arena::{Arena, udp};
use super::attempt::{Attempt, Bare, Closer};
use super::families::udp_packet;
use super::outcome::Claim;
use crate::sys::raw::{self, Address, During, Stopped};

const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];
/// For experiments on a local network (IEEE 802).
const ETHERTYPE: u16 = 0x88b5;
const TUN: i16 = 1;
const TAP: i16 = 2;

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape("packet-dgram", "sends a frame whose header the kernel writes", BY_TASK, |arena| {
        let socket = raw::socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0)?;
        raw::sendto(socket, arena.bytes(), 0, Some(&neighbours(arena))).map(|()| Claim::Sent)
    })
    .bare(Bare::RootOnly),
    Attempt::escape("packet-raw", "sends a frame of its own making", BY_TASK, |arena| {
        let socket = raw::socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
        let header = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1], &ETHERTYPE.to_be_bytes()].concat();
        let frame = [header.as_slice(), arena.bytes()].concat();
        raw::sendto(socket, &frame, 0, Some(&neighbours(arena))).map(|()| Claim::Sent)
    })
    .bare(Bare::RootOnly),
    Attempt::escape("packet-old", "opens the packet socket of Linux 2.0", BY_TASK, |_| {
        const SOCK_PACKET: i32 = 10;
        raw::socket(libc::AF_INET, SOCK_PACKET, 0)?;
        Claim::created("a packet socket")
    })
    .bare(Bare::RootOnly),
    Attempt::escape("xdp", "opens an express data path socket", BY_TASK, |_| {
        raw::socket(libc::AF_XDP, libc::SOCK_RAW, 0)?;
        Claim::created("an XDP socket")
    })
    .bare(Bare::RootOnly),
    Attempt::escape("tun-create", "makes a network device that it feeds itself", BY_TASK, |arena| {
        tunnel(arena, TUN)?;
        Claim::created("a TUN device")
    })
    .bare(Bare::RootOnly),
    Attempt::escape("tap-create", "makes an Ethernet device that it feeds itself", BY_TASK, |arena| {
        tunnel(arena, TAP)?;
        Claim::created("a TAP device")
    })
    .bare(Bare::RootOnly),
    Attempt::escape(
        "tun-inject",
        "injects a packet for a local service through a device of its own",
        BY_TASK,
        inject,
    )
    .bare(Bare::RootOnly),
];

/// All stations on the link to the world.
pub(super) fn neighbours(arena: &Arena) -> Address {
    Address::link(ETHERTYPE, arena.device_index)
}

/// A device that lives as long as the file is open.
fn tunnel(arena: &Arena, kind: i16) -> Result<(File, [u8; 40]), Stopped> {
    const TUNSETIFF: u64 = 0x4004_54ca;
    const NO_PACKET_INFO: i16 = 0x1000;
    let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun").during("open")?;
    let mut request = [0; 40];
    let name = arena.token.get(3..11).unwrap_or_default();
    put(&mut request, 0, format!("pt{name}").as_bytes());
    put(&mut request, 16, &(kind | NO_PACKET_INFO).to_ne_bytes());
    raw::ioctl(&device, TUNSETIFF, &mut request)?;
    Ok((device, request))
}

/// Gives the device an address, brings it up, and lets a datagram arrive on it as if from outside.
fn inject(arena: &Arena) -> Result<Claim, Stopped> {
    const SET_ADDRESS: u64 = 0x8916;
    const SET_MASK: u64 = 0x891c;
    const SET_FLAGS: u64 = 0x8914;
    let (near, far) = (Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2));
    let (mut device, request) = tunnel(arena, TUN)?;
    let control = udp(libc::AF_INET)?;
    for (act, address) in [(SET_ADDRESS, near), (SET_MASK, Ipv4Addr::new(255, 255, 255, 252))] {
        let mut named = request;
        put(&mut named, 16, &libc::AF_INET.to_ne_bytes());
        put(&mut named, 20, &address.octets());
        raw::ioctl(&control, act, &mut named)?;
    }
    let mut up = request;
    put(&mut up, 16, &i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or_default().to_ne_bytes());
    raw::ioctl(&control, SET_FLAGS, &mut up)?;
    device
        .write_all(&udp_packet(far, arena.host.v4, arena.local_port, arena.bytes()))
        .during("write")
        .map(|()| Claim::Sent)
}

fn put(request: &mut [u8; 40], at: usize, bytes: &[u8]) {
    for (slot, byte) in request.iter_mut().skip(at).zip(bytes) {
        *slot = *byte;
    }
}
