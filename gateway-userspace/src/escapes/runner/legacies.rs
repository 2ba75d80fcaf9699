//! The descriptors that attempts inherit: opened out here, by somebody who is no agent.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use super::{Ground, World};
use crate::escapes::arena::ports;
use crate::escapes::attempt::Legacy;
use crate::sys::raw::{self, Address, Ring};

/// Which descriptor has which number in the child, as in the parent.
pub(super) type Legacies = BTreeMap<Legacy, RawFd>;

/// Descriptors to be passed on, and what must live as long as they are used.
#[derive(Debug, Default)]
pub(super) struct Inheritance {
    open: BTreeMap<Legacy, OwnedFd>,
    _keep: Vec<Box<dyn Any>>,
}

impl Inheritance {
    pub(super) fn open(wanted: &[Legacy], world: &World, ground: &Ground) -> anyhow::Result<Self> {
        let mut inheritance = Self::default();
        for legacy in wanted {
            let descriptor = inheritance.make(*legacy, world, ground)?;
            inheritance.open.insert(*legacy, descriptor);
        }
        Ok(inheritance)
    }

    pub(super) fn of(legacy: Legacy, descriptor: OwnedFd) -> Self {
        Self { open: BTreeMap::from([(legacy, descriptor)]), _keep: Vec::new() }
    }

    pub(super) fn numbers(&self) -> Legacies {
        self.open.iter().map(|(legacy, descriptor)| (*legacy, descriptor.as_raw_fd())).collect()
    }

    /// Lets them survive the start of another program. Everything else of ours closes then.
    pub(super) fn let_through(&self) -> nix::Result<()> {
        for descriptor in self.open.values() {
            fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        Ok(())
    }

    fn make(&mut self, legacy: Legacy, world: &World, ground: &Ground) -> anyhow::Result<OwnedFd> {
        let outside = |port: u16| SocketAddr::from((world.neighbour().v4, port));
        Ok(match legacy {
            Legacy::TcpUnconnected => raw::socket(libc::AF_INET, libc::SOCK_STREAM, 0)?,
            Legacy::UdpUnconnected => raw::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?,
            Legacy::TcpConnected => TcpStream::connect(outside(ports::PLAIN))?.into(),
            Legacy::UdpConnected => datagrams_to(world)?,
            Legacy::TcpSecret => TcpStream::connect(outside(ports::SECRET))?.into(),
            Legacy::TcpListener => TcpListener::bind((world.host().v4, world.inbound_port()))?.into(),
            Legacy::RawSocket => raw::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)?,
            Legacy::PacketSocket => raw::socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0)?,
            Legacy::UnixConnected => connected_unix(world)?,
            Legacy::UnixWithRights => self.waiting_descriptor(world)?,
            Legacy::WorldNamespace => world.namespace().try_clone_to_owned()?,
            Legacy::OutsideCgroup => File::open(&ground.outside_cgroup)?.into(),
            Legacy::OutsideProcs => {
                OpenOptions::new().write(true).open(ground.outside_cgroup.join("cgroup.procs"))?.into()
            }
            Legacy::Ring => self.ring(world)?,
        })
    }

    /// A unix socket in which a connected datagram socket waits to be received.
    fn waiting_descriptor(&mut self, world: &World) -> anyhow::Result<OwnedFd> {
        let (ours, theirs) = raw::socket_pair(libc::SOCK_STREAM)?;
        raw::send_descriptor(&ours, datagrams_to(world)?.as_fd())?;
        self._keep.push(Box::new(ours));
        Ok(theirs)
    }

    fn ring(&mut self, world: &World) -> anyhow::Result<OwnedFd> {
        let ring = Ring::new()?;
        ring.register(datagrams_to(world)?)?;
        let descriptor = ring.as_fd().try_clone_to_owned()?;
        self._keep.push(Box::new(ring));
        Ok(descriptor)
    }
}

/// A datagram socket of this host, connected to the world.
pub(super) fn datagrams_to(world: &World) -> anyhow::Result<OwnedFd> {
    let socket = UdpSocket::bind((world.host().v4, 0))?;
    socket.connect((world.neighbour().v4, ports::PLAIN))?;
    Ok(socket.into())
}

fn connected_unix(world: &World) -> anyhow::Result<OwnedFd> {
    let socket = raw::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    raw::connect(&socket, &Address::unix_path(&world.unix().stream))?;
    Ok(socket)
}
