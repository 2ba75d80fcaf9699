//! Unix sockets: to somebody else's service, which may be a database, a bus or a container daemon; and to one's own.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use super::arena::{Arena, connect_and_deliver, patient};
use super::attempt::{Attempt, Bare, Closer, Gap};
use super::outcome::Claim;
use crate::sys::raw::{self, Address, During, Stopped};
use gateway_policy::level::Level;

const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];
const ABSTRACT: &[Gap] = &[Gap {
    level: Level::Unit,
    before: Some((6, 12)),
    because: "abstract names live in the network namespace, which a unit shares with the host; Landlock closes them",
}];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape("unix-stream", "connects to a stream socket in a folder", BY_TASK, |arena| {
        let to = Address::unix_path(&arena.unix.stream);
        connect_and_deliver(arena, unix(libc::SOCK_STREAM)?, &to)
    }),
    Attempt::escape("unix-seqpacket", "connects to a seqpacket socket in a folder", BY_TASK, |arena| {
        let to = Address::unix_path(&arena.unix.seqpacket);
        connect_and_deliver(arena, unix(libc::SOCK_SEQPACKET)?, &to)
    }),
    Attempt::escape("unix-dgram", "sends to a datagram socket in a folder", BY_TASK, |arena| {
        let to = Address::unix_path(&arena.unix.dgram);
        raw::sendto(unix(libc::SOCK_DGRAM)?, arena.bytes(), 0, Some(&to)).map(|()| Claim::Sent)
    }),
    Attempt::escape("unix-dgram-connected", "connects to a datagram socket and sends", BY_TASK, |arena| {
        let to = Address::unix_path(&arena.unix.dgram);
        connect_and_deliver(arena, unix(libc::SOCK_DGRAM)?, &to)
    }),
    Attempt::escape("unix-dgram-sendmmsg", "sends a batch to a datagram socket", BY_TASK, |arena| {
        let to = Address::unix_path(&arena.unix.dgram);
        raw::sendmmsg(unix(libc::SOCK_DGRAM)?, arena.bytes(), 0, Some(&to)).map(|()| Claim::Sent)
    }),
    Attempt::escape("unix-abstract", "connects to an abstract stream socket", BY_TASK, |arena| {
        let to = Address::unix_abstract(&arena.unix.abstract_stream);
        connect_and_deliver(arena, unix(libc::SOCK_STREAM)?, &to)
    })
    .gaps(ABSTRACT),
    Attempt::escape("unix-abstract-dgram", "sends to an abstract datagram socket", BY_TASK, |arena| {
        let to = Address::unix_abstract(&arena.unix.abstract_dgram);
        raw::sendto(unix(libc::SOCK_DGRAM)?, arena.bytes(), 0, Some(&to)).map(|()| Claim::Sent)
    })
    .gaps(ABSTRACT),
    Attempt::escape("unix-by-descriptor", "reaches the socket through /proc/self/fd", BY_TASK, |arena| {
        let handle =
            nix::fcntl::open(&arena.unix.stream, nix::fcntl::OFlag::O_PATH, nix::sys::stat::Mode::empty())
                .during("open")?;
        let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
        connect_and_deliver(arena, unix(libc::SOCK_STREAM)?, &Address::unix_path(Path::new(&path)))
    }),
    Attempt::escape(
        "unix-by-outsider-root",
        "reaches the socket through an outsider's root",
        BY_TASK,
        |arena| {
            let path = format!("/proc/{}/root{}", arena.outsider.pid, arena.unix.stream.display());
            connect_and_deliver(arena, unix(libc::SOCK_STREAM)?, &Address::unix_path(Path::new(&path)))
        },
    )
    .bare(Bare::SomeHosts),
    daemon("unix-system-bus", "talks to the system bus", |_| bus("/run/dbus/system_bus_socket")),
    daemon("unix-user-bus", "talks to the session bus", |_| {
        let user = nix::unistd::getuid();
        bus(&format!("/run/user/{user}/bus"))
    }),
    daemon("unix-systemd-private", "talks to systemd past the bus", |_| bus("/run/systemd/private")),
    daemon("unix-docker", "connects to a container daemon", |_| {
        any_of(&[
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/run/podman/podman.sock",
            "/run/containerd/containerd.sock",
        ])
    }),
    daemon("unix-database", "connects to a database's own socket", |_| {
        any_of(&["/run/postgresql/.s.PGSQL.5432", "/run/mysqld/mysqld.sock", "/run/redis/redis-server.sock"])
    }),
    Attempt::must_work("unix-socketpair", "talks over a socket pair", |_| {
        let (one, other) = raw::socket_pair(libc::SOCK_STREAM)?;
        talk(&one, &other)
    }),
    Attempt::must_work("unix-own-server", "talks to its own abstract server", |arena| {
        own_server(libc::SOCK_STREAM, &format!("{}-own", arena.token))
    }),
    Attempt::must_work("unix-own-seqpacket", "talks to its own seqpacket server", |arena| {
        own_server(libc::SOCK_SEQPACKET, &format!("{}-seq", arena.token))
    }),
    Attempt::must_work("unix-own-dgram", "sends a datagram to itself", |arena| {
        let name = Address::unix_abstract(&format!("{}-dgram", arena.token));
        let receiver = unix(libc::SOCK_DGRAM)?;
        raw::bind(&receiver, &name)?;
        raw::sendto(unix(libc::SOCK_DGRAM)?, b"question", 0, Some(&name))?;
        heard(&raw::recv(&receiver, 16)?)
    }),
    Attempt::must_work("unix-own-rights", "passes a descriptor of its own to itself", |_| {
        let (one, other) = raw::socket_pair(libc::SOCK_STREAM)?;
        let (near, far) = raw::socket_pair(libc::SOCK_STREAM)?;
        raw::send_descriptor(&one, near.as_fd())?;
        talk(&raw::recv_descriptor(&other)?, &far)
    }),
];

/// A daemon that may or may not run here; reaching it is an escape whoever it is.
const fn daemon(
    name: &'static str,
    vector: &'static str,
    run: fn(&Arena) -> Result<Claim, Stopped>,
) -> Attempt {
    Attempt::escape(name, vector, BY_TASK, run).bare(Bare::SomeHosts)
}

fn unix(kind: i32) -> Result<OwnedFd, Stopped> {
    patient(raw::socket(libc::AF_UNIX, kind, 0)?)
}

/// Introduces itself to a bus; its greeting proves that somebody answered.
fn bus(path: &str) -> Result<Claim, Stopped> {
    let socket = unix(libc::SOCK_STREAM)?;
    match raw::connect(&socket, &Address::unix_path(Path::new(path))) {
        Err(at) if matches!(at.errno, libc::ENOENT | libc::ECONNREFUSED) => {
            return Claim::unavailable(format!("nobody listens on {path}"));
        }
        connected => connected?,
    }
    raw::send(&socket, b"\0AUTH\r\n")?;
    let answer = raw::recv(&socket, 64)?;
    if answer.is_empty() {
        Err(Stopped::at("recv", libc::ECONNRESET))
    } else {
        Claim::created("an answer of the bus")
    }
}

fn any_of(paths: &[&str]) -> Result<Claim, Stopped> {
    for path in paths {
        match raw::connect(unix(libc::SOCK_STREAM)?, &Address::unix_path(Path::new(path))) {
            Ok(()) => return Claim::created(format!("a connection to {path}")),
            Err(at) if matches!(at.errno, libc::ENOENT | libc::ECONNREFUSED | libc::EACCES) => {}
            Err(at) => return Err(at),
        }
    }
    Claim::unavailable("no such daemon listens here for this user")
}

fn own_server(kind: i32, name: &str) -> Result<Claim, Stopped> {
    let name = Address::unix_abstract(name);
    let server = unix(kind)?;
    raw::bind(&server, &name)?;
    raw::listen(&server)?;
    let caller = unix(kind)?;
    raw::connect(&caller, &name)?;
    let accepted = raw::accept(&server)?;
    talk(&caller, &accepted)?;
    talk(&accepted, &caller)
}

fn talk(from: &OwnedFd, to: &OwnedFd) -> Result<Claim, Stopped> {
    raw::send(from, b"question")?;
    heard(&raw::recv(to, 16)?)
}

fn heard(bytes: &[u8]) -> Result<Claim, Stopped> {
    Ok(if bytes == b"question" { Claim::Worked } else { Claim::Broken("other bytes were heard".into()) })
}
