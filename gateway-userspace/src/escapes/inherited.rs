//! Sockets that the agent did not make: left open by its parent, passed to it, or opened before it was an agent.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;

use super::arena::{Arena, connect_and_deliver, patient, ports, sent_or_cut_off};
use super::attempt::{Attempt, Bare, Closer, Dial, Legacy, Need};
use super::outcome::Claim;
use crate::sys::raw::{self, During, Ring, Stopped};

const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];
/// The hooks of connect and sendmsg judge the caller, whosever the socket is.
const BY_CALLER: &[Closer] = &[Closer::Cgroup, Closer::Lsm, Closer::Unit];
/// Makes its socket outside and enters the cgroup before it uses it.
const LATE: &[Need] = &[Need::EntersLate];

/// An attempt on a connection to the world that its parent made and left open. Nobody but the second layer sees the
/// use of a descriptor; a unit closes it by being started with none.
macro_rules! connected {
    ($name:literal, $vector:literal, |$arena:ident, $socket:ident| $act:expr) => {
        Attempt::escape($name, $vector, BY_TASK, |$arena| {
            let $socket = $arena.inherited(Legacy::TcpConnected)?;
            $act
        })
        .needs(&[Need::Inherited(Legacy::TcpConnected)])
    };
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape("inherited-tcp", "connects a TCP socket that its parent made", BY_CALLER, |arena| {
        connect_and_deliver(arena, arena.inherited(Legacy::TcpUnconnected)?, &arena.world4(ports::PLAIN))
    })
    .needs(&[Need::Inherited(Legacy::TcpUnconnected)]),
    Attempt::escape(
        "inherited-tcp-fastopen",
        "fast-opens a TCP socket that its parent made",
        BY_CALLER,
        |arena| {
            let socket = arena.inherited(Legacy::TcpUnconnected)?;
            super::tcp::fastopen(arena, &socket, &arena.world4(ports::PLAIN))
        },
    )
    .needs(&[Need::Inherited(Legacy::TcpUnconnected)]),
    Attempt::escape("inherited-udp", "sends on a datagram socket that its parent made", BY_CALLER, |arena| {
        let (socket, to) = (arena.inherited(Legacy::UdpUnconnected)?, arena.world4(ports::PLAIN));
        raw::sendto(socket, arena.bytes(), 0, Some(&to)).map(|()| Claim::Sent)
    })
    .needs(&[Need::Inherited(Legacy::UdpUnconnected)]),
    Attempt::escape(
        "inherited-udp-connected",
        "sends on a datagram socket that its parent connected",
        BY_TASK,
        |arena| arena.deliver(arena.inherited(Legacy::UdpConnected)?),
    )
    .needs(&[Need::Inherited(Legacy::UdpConnected)]),
    connected!("inherited-send", "sends on a connection that its parent made", |arena, socket| arena
        .deliver(socket)),
    connected!("inherited-write", "writes to a connection that its parent made", |arena, socket| {
        File::from(socket).write_all(arena.bytes()).during("write").map(|()| Claim::Sent)
    }),
    connected!(
        "inherited-sendmsg",
        "sends a message on a connection that its parent made",
        |arena, socket| sent_or_cut_off(raw::sendmsg(socket, arena.bytes(), 0, None, &[]))
    ),
    connected!(
        "inherited-sendmmsg",
        "sends a batch on a connection that its parent made",
        |arena, socket| sent_or_cut_off(raw::sendmmsg(socket, arena.bytes(), 0, None))
    ),
    connected!("inherited-zerocopy", "sends without copying on an inherited connection", |arena, socket| {
        raw::set_int(&socket, libc::SOL_SOCKET, libc::SO_ZEROCOPY, 1)?;
        sent_or_cut_off(raw::sendto(socket, arena.bytes(), libc::MSG_ZEROCOPY, None))
    }),
    connected!("inherited-urgent", "sends urgent data on an inherited connection", |arena, socket| {
        sent_or_cut_off(raw::sendto(socket, arena.bytes(), libc::MSG_OOB, None))
    }),
    connected!("inherited-duplicate", "duplicates an inherited connection and writes", |arena, socket| {
        let copy = socket.try_clone().during("dup")?;
        File::from(copy).write_all(arena.bytes()).during("write").map(|()| Claim::Sent)
    }),
    connected!("inherited-aio", "writes to an inherited connection by asynchronous I/O", |arena, socket| {
        raw::aio_write(socket, arena.bytes()).map(|()| Claim::Sent)
    }),
    connected!("inherited-splice", "splices a pipe into an inherited connection", |arena, socket| splice(
        arena, &socket
    )),
    connected!(
        "inherited-vmsplice-tee",
        "maps, tees and splices into an inherited connection",
        |arena, socket| vmsplice_and_tee(arena, &socket)
    ),
    connected!("inherited-sendfile", "sends a file on an inherited connection", |arena, socket| sendfile(
        arena, &socket
    )),
    connected!("inherited-io-uring-send", "sends on an inherited connection by io_uring", |arena, socket| {
        Ring::new()?.send(socket, arena.bytes()).map(|()| Claim::Sent)
    }),
    connected!(
        "inherited-io-uring-write",
        "writes to an inherited connection by io_uring",
        |arena, socket| Ring::new()?.write(socket, arena.bytes()).map(|()| Claim::Sent)
    ),
    connected!("inherited-from-child", "lets a child write to an inherited connection", |arena, socket| {
        let trouble = raw::fork_and_ask(|| match raw::send(&socket, arena.bytes()) {
            Ok(()) => String::new(),
            Err(at) => at.errno.to_string(),
        })?;
        trouble.parse().map_or(Ok(Claim::Sent), |errno| Err(Stopped::at("sendto", errno)))
    }),
    Attempt::escape("inherited-read", "reads from a connection that its parent made", BY_TASK, |arena| {
        let mut text = vec![0; 64];
        let got = File::from(arena.inherited(Legacy::TcpSecret)?).read(&mut text).during("read")?;
        text.truncate(got);
        Ok(Claim::Obtained(String::from_utf8_lossy(&text).into_owned()))
    })
    .needs(&[Need::Inherited(Legacy::TcpSecret)]),
    Attempt::escape("inherited-recv", "receives on a connection that its parent made", BY_TASK, |arena| {
        let text = raw::recv(arena.inherited(Legacy::TcpSecret)?, 64)?;
        Ok(Claim::Obtained(String::from_utf8_lossy(&text).into_owned()))
    })
    .needs(&[Need::Inherited(Legacy::TcpSecret)]),
    Attempt::escape(
        "inherited-listener",
        "accepts from outside on a listener that its parent made",
        BY_TASK,
        |arena| {
            let caller = raw::accept(patient(arena.inherited(Legacy::TcpListener)?)?)?;
            arena.deliver(caller)
        },
    )
    .needs(&[Need::Inherited(Legacy::TcpListener), Need::Dialled(Dial::Tcp4)]),
    Attempt::escape("inherited-raw", "sends on a raw socket that its parent made", BY_TASK, |arena| {
        let (socket, to) = (arena.inherited(Legacy::RawSocket)?, arena.world4(0));
        raw::sendto(socket, arena.bytes(), 0, Some(&to)).map(|()| Claim::Sent)
    })
    .needs(&[Need::Inherited(Legacy::RawSocket)]),
    Attempt::escape(
        "inherited-packet",
        "sends frames on a packet socket that its parent made",
        BY_TASK,
        |arena| {
            let (socket, to) = (arena.inherited(Legacy::PacketSocket)?, super::devices::neighbours(arena));
            raw::sendto(socket, arena.bytes(), 0, Some(&to)).map(|()| Claim::Sent)
        },
    )
    .needs(&[Need::Inherited(Legacy::PacketSocket)]),
    Attempt::escape("inherited-unix", "writes to a unix connection that its parent made", BY_TASK, |arena| {
        arena.deliver(arena.inherited(Legacy::UnixConnected)?)
    })
    .needs(&[Need::Inherited(Legacy::UnixConnected)]),
    Attempt::escape(
        "passed-socket",
        "receives a connected socket as a passed descriptor",
        BY_TASK,
        |arena| {
            let socket = raw::recv_descriptor(patient(arena.inherited(Legacy::UnixWithRights)?)?)?;
            arena.deliver(socket)
        },
    )
    .needs(&[Need::Inherited(Legacy::UnixWithRights)]),
    Attempt::escape(
        "inherited-ring",
        "uses an outsider's io_uring with a socket registered in it",
        BY_TASK,
        |arena| {
            let mut ring = Ring::inherited(arena.inherited(Legacy::Ring)?)?;
            ring.send_registered(arena.bytes()).map(|()| Claim::Sent)
        },
    )
    // Some kernels let only the process that made a ring submit to it.
    .bare(Bare::SomeHosts)
    .needs(&[Need::Inherited(Legacy::Ring)]),
    Attempt::escape(
        "opened-before-tcp",
        "connects a TCP socket made before it became an agent",
        BY_CALLER,
        |arena| {
            let socket = super::arena::tcp(libc::AF_INET)?;
            super::child::enter_cgroup()?;
            connect_and_deliver(arena, socket, &arena.world4(ports::PLAIN))
        },
    )
    .needs(LATE),
    Attempt::escape(
        "opened-before-udp",
        "sends on a datagram socket made before it became an agent",
        BY_CALLER,
        |arena| {
            let socket = super::arena::udp(libc::AF_INET)?;
            super::child::enter_cgroup()?;
            raw::sendto(socket, arena.bytes(), 0, Some(&arena.world4(ports::PLAIN))).map(|()| Claim::Sent)
        },
    )
    .needs(LATE),
    Attempt::escape(
        "connected-before",
        "sends on a connection made before it became an agent",
        BY_TASK,
        |arena| {
            let socket = super::arena::tcp(libc::AF_INET)?;
            raw::connect(&socket, &arena.world4(ports::PLAIN))?;
            super::child::enter_cgroup()?;
            arena.deliver(socket)
        },
    )
    .needs(LATE),
    Attempt::escape(
        "unix-connected-before",
        "writes to a unix connection made before it became an agent",
        BY_TASK,
        |arena| {
            let socket = patient(raw::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?)?;
            raw::connect(&socket, &raw::Address::unix_path(&arena.unix.stream))?;
            super::child::enter_cgroup()?;
            arena.deliver(socket)
        },
    )
    .needs(LATE),
];

fn splice(arena: &Arena, socket: &OwnedFd) -> Result<Claim, Stopped> {
    let (read, write) = nix::unistd::pipe().during("pipe")?;
    File::from(write).write_all(arena.bytes()).during("write")?;
    raw::splice(read, socket, arena.bytes().len()).map(|()| Claim::Sent)
}

fn vmsplice_and_tee(arena: &Arena, socket: &OwnedFd) -> Result<Claim, Stopped> {
    let bytes: &'static [u8] = arena.token.clone().leak().as_bytes();
    let (read, write) = nix::unistd::pipe().during("pipe")?;
    let (copy, into_copy) = nix::unistd::pipe().during("pipe")?;
    raw::vmsplice(write, bytes)?;
    raw::tee(read, into_copy, bytes.len())?;
    raw::splice(copy, socket, bytes.len()).map(|()| Claim::Sent)
}

fn sendfile(arena: &Arena, socket: &OwnedFd) -> Result<Claim, Stopped> {
    let memory = nix::sys::memfd::memfd_create(c"attempt", nix::sys::memfd::MFdFlags::empty())
        .during("memfd_create")?;
    let mut file = File::from(memory);
    file.write_all(arena.bytes()).during("write")?;
    file.rewind().during("lseek")?;
    raw::sendfile(socket, &file, arena.bytes().len()).map(|()| Claim::Sent)
}
