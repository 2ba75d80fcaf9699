//! Everything an attempt is told about its surroundings, and the steps that most attempts share.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::attempt::Legacy;
use super::outcome::Claim;
use crate::sys::raw::{self, Address, Stopped};

/// What one attempt knows. It travels to the child as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Arena {
    /// What must not arrive outside. Unique to this attempt.
    pub token: String,
    pub world: Neighbour,
    pub host: Neighbour,
    /// The host's device towards the world, and its number.
    pub device: String,
    pub device_index: u32,
    /// A service of somebody else on this host, on every local address, TCP and UDP.
    pub local_port: u16,
    pub unix: UnixPeers,
    pub outsider: Outsider,
    pub inherited: BTreeMap<Legacy, RawFd>,
    /// Where attempts listen that want to be dialled from outside.
    pub inbound_port: u16,
    /// The directory of the agent's cgroup, and of one outside.
    pub agent_cgroup: PathBuf,
    pub outside_cgroup: PathBuf,
    /// A mounted bpffs made for the attempts, and an object pinned in it.
    pub bpffs: Option<PathBuf>,
    pub gateway_port: Option<u16>,
}

/// One end of the link between the host and the world.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Neighbour {
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
    pub link_local: Ipv6Addr,
}

/// Sockets of somebody else on this host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnixPeers {
    pub stream: PathBuf,
    pub seqpacket: PathBuf,
    pub dgram: PathBuf,
    pub abstract_stream: String,
    pub abstract_dgram: String,
}

/// A process of the same user outside the cgroup. What is written into its outbox it sends to the world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outsider {
    pub pid: i32,
    pub outbox: u64,
    pub secret: u64,
    pub secret_len: usize,
    /// The number of its connected socket in its descriptor table.
    pub socket: RawFd,
    /// A named pipe that it reads.
    pub fifo: PathBuf,
}

/// Ports on which the world listens, TCP and UDP alike.
pub mod ports {
    pub const PLAIN: u16 = 7001;
    pub const OTHER: u16 = 7002;
    /// TCP: greets every connection with the secret.
    pub const SECRET: u16 = 7003;
    pub const QUIC: u16 = 443;
    pub const DNS: u16 = 53;
    pub const MDNS: u16 = 5353;
    pub const ALL: [u16; 6] = [PLAIN, OTHER, SECRET, QUIC, DNS, MDNS];
}

impl Arena {
    pub fn bytes(&self) -> &[u8] {
        self.token.as_bytes()
    }

    pub fn world4(&self, port: u16) -> Address {
        SocketAddr::from((self.world.v4, port)).into()
    }

    pub fn world6(&self, port: u16) -> Address {
        SocketAddr::from((self.world.v6, port)).into()
    }

    pub fn world_mapped(&self, port: u16) -> Address {
        Address::mapped(SocketAddrV4::new(self.world.v4, port))
    }

    pub fn world_link_local(&self, port: u16) -> Address {
        self.on_link(self.world.link_local, port)
    }

    /// An address that means something only on the link to the world.
    pub fn on_link(&self, address: Ipv6Addr, port: u16) -> Address {
        SocketAddr::V6(SocketAddrV6::new(address, port, 0, self.device_index)).into()
    }

    pub fn local(&self, address: impl Into<IpAddr>) -> Address {
        SocketAddr::new(address.into(), self.local_port).into()
    }

    /// The descriptor that the runner left open for this attempt.
    pub fn inherited(&self, kind: Legacy) -> Result<OwnedFd, Stopped> {
        let number = self.inherited.get(&kind).ok_or_else(|| Stopped::at("inherit", libc::EBADF))?;
        raw::adopt(*number)
    }

    /// Sends the token on a connected socket.
    ///
    /// A reset by the far end at this point is how a gateway refuses, so it is not worth telling from being
    /// swallowed: in both cases it is the world that says whether the token came out.
    pub fn deliver(&self, socket: impl AsFd) -> Result<Claim, Stopped> {
        sent_or_cut_off(raw::send(socket, self.bytes()))
    }
}

/// As `Arena::deliver`, for sends of another kind on a connected socket.
pub fn sent_or_cut_off(sent: Result<(), Stopped>) -> Result<Claim, Stopped> {
    match sent {
        Ok(()) => Ok(Claim::Sent),
        Err(at) if matches!(at.errno, libc::ECONNRESET | libc::EPIPE) => Ok(Claim::Sent),
        Err(at) => Err(at),
    }
}

/// A TCP socket whose calls end by themselves.
pub fn tcp(family: i32) -> Result<OwnedFd, Stopped> {
    patient(raw::socket(family, libc::SOCK_STREAM, 0)?)
}

pub fn udp(family: i32) -> Result<OwnedFd, Stopped> {
    patient(raw::socket(family, libc::SOCK_DGRAM, 0)?)
}

/// Bounds every wait on a socket, well below the time limit of an attempt.
pub fn patient(socket: OwnedFd) -> Result<OwnedFd, Stopped> {
    let second_and_a_half = [1_i64.to_ne_bytes(), 500_000_i64.to_ne_bytes()].concat();
    raw::set_bytes(&socket, libc::SOL_SOCKET, libc::SO_SNDTIMEO, &second_and_a_half)?;
    raw::set_bytes(&socket, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &second_and_a_half)?;
    Ok(socket)
}

/// Connects and sends: what most attempts do once they have their socket.
pub fn connect_and_deliver(arena: &Arena, socket: impl AsFd, to: &Address) -> Result<Claim, Stopped> {
    raw::connect(&socket, to)?;
    arena.deliver(socket)
}
