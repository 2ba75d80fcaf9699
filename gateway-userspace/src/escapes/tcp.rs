//! TCP in all its spellings: families, fast open, MPTCP, source addresses, where the call comes from.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use super::arena::{Arena, connect_and_deliver, patient, ports, sent_or_cut_off, tcp};
use super::attempt::{Attempt, Bare, Closer, Need};
use super::outcome::Claim;
use crate::sys::raw::{self, Address, Stopped};

const IPPROTO_MPTCP: i32 = 262;
const BY_PROGRAMS: &[Closer] = &[Closer::Cgroup];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape("tcp4", "connects to an IPv4 address", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.world4(ports::PLAIN))
    }),
    Attempt::escape("tcp6", "connects to an IPv6 address", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, tcp(libc::AF_INET6)?, &arena.world6(ports::PLAIN))
    }),
    Attempt::escape(
        "tcp-v4-mapped",
        "connects an IPv6 socket to a mapped IPv4 address",
        BY_PROGRAMS,
        |arena| connect_and_deliver(arena, tcp(libc::AF_INET6)?, &arena.world_mapped(ports::PLAIN)),
    ),
    Attempt::escape("tcp-v6only", "connects an IPv6 socket that refuses IPv4", BY_PROGRAMS, v6only),
    Attempt::escape("tcp-link-local", "connects to a link-local neighbour", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, tcp(libc::AF_INET6)?, &arena.world_link_local(ports::PLAIN))
    }),
    Attempt::escape("tcp-zero-address", "connects to 0.0.0.0, which means this host", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.local(Ipv4Addr::UNSPECIFIED))
    }),
    Attempt::escape("tcp-double-colon", "connects to ::, which means this host", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, tcp(libc::AF_INET6)?, &arena.local(Ipv6Addr::UNSPECIFIED))
    }),
    Attempt::escape(
        "tcp-loopback4",
        "connects to somebody else's service on 127.0.0.1",
        BY_PROGRAMS,
        |arena| connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.local(Ipv4Addr::LOCALHOST)),
    ),
    Attempt::escape("tcp-loopback-other", "connects to a service on 127.1.2.3", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.local(Ipv4Addr::new(127, 1, 2, 3)))
    }),
    Attempt::escape("tcp-loopback6", "connects to somebody else's service on ::1", BY_PROGRAMS, |arena| {
        connect_and_deliver(arena, tcp(libc::AF_INET6)?, &arena.local(Ipv6Addr::LOCALHOST))
    }),
    Attempt::escape(
        "tcp-host-address",
        "connects to a service by the host's own address",
        BY_PROGRAMS,
        |arena| connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.local(arena.host.v4)),
    ),
    Attempt::escape(
        "tcp-reconnect",
        "connects to its own listener, dissolves that, and connects outside",
        BY_PROGRAMS,
        reconnect,
    ),
    Attempt::escape("tcp-nonblocking", "connects without waiting", BY_PROGRAMS, nonblocking),
    Attempt::escape(
        "tcp-source-bind4",
        "connects from a source address of its choice",
        BY_PROGRAMS,
        |arena| {
            let socket = tcp(libc::AF_INET)?;
            raw::bind(&socket, &SocketAddr::from((arena.host.v4, 0)).into())?;
            connect_and_deliver(arena, socket, &arena.world4(ports::PLAIN))
        },
    ),
    Attempt::escape("tcp-source-bind6", "connects from an IPv6 source of its choice", BY_PROGRAMS, |arena| {
        let socket = tcp(libc::AF_INET6)?;
        raw::bind(&socket, &SocketAddr::from((arena.host.v6, 0)).into())?;
        connect_and_deliver(arena, socket, &arena.world6(ports::PLAIN))
    }),
    Attempt::escape(
        "tcp-fastopen-sendto",
        "sends with MSG_FASTOPEN, without connect",
        BY_PROGRAMS,
        |arena| fastopen(arena, &tcp(libc::AF_INET)?, &arena.world4(ports::PLAIN)),
    ),
    Attempt::escape("tcp6-fastopen-sendto", "sends with MSG_FASTOPEN over IPv6", BY_PROGRAMS, |arena| {
        fastopen(arena, &tcp(libc::AF_INET6)?, &arena.world6(ports::PLAIN))
    }),
    Attempt::escape(
        "tcp-fastopen-mapped",
        "sends with MSG_FASTOPEN to a mapped address",
        BY_PROGRAMS,
        |arena| fastopen(arena, &tcp(libc::AF_INET6)?, &arena.world_mapped(ports::PLAIN)),
    ),
    Attempt::escape("tcp-fastopen-sendmmsg", "sends a batch with MSG_FASTOPEN", BY_PROGRAMS, |arena| {
        let (socket, to) = (tcp(libc::AF_INET)?, arena.world4(ports::PLAIN));
        sent_or_cut_off(raw::sendmmsg(&socket, arena.bytes(), libc::MSG_FASTOPEN, Some(&to)))
    }),
    Attempt::escape("tcp-fastopen-connect", "connects with TCP_FASTOPEN_CONNECT", BY_PROGRAMS, |arena| {
        let socket = tcp(libc::AF_INET)?;
        raw::set_int(&socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)?;
        connect_and_deliver(arena, socket, &arena.world4(ports::PLAIN))
    }),
    Attempt::escape(
        "tcp-data-in-syn",
        "puts its data into the first packet, without a cookie",
        BY_PROGRAMS,
        |arena| {
            let socket = cookieless(libc::AF_INET)?;
            fastopen(arena, &socket, &arena.world4(ports::PLAIN))
        },
    ),
    Attempt::escape("tcp-urgent", "sends its data as urgent data", BY_PROGRAMS, |arena| {
        let socket = tcp(libc::AF_INET)?;
        raw::connect(&socket, &arena.world4(ports::PLAIN))?;
        sent_or_cut_off(raw::sendto(&socket, arena.bytes(), libc::MSG_OOB, None))
    }),
    Attempt::escape(
        "tcp-sendto-unconnected",
        "names a destination in sendto on a stream",
        &[Closer::Kernel],
        |arena| {
            raw::sendto(tcp(libc::AF_INET)?, arena.bytes(), 0, Some(&arena.world4(ports::PLAIN)))?;
            Ok(Claim::Sent)
        },
    )
    .bare(Bare::Nobody),
    Attempt::escape("mptcp-connect", "connects with multipath TCP", BY_PROGRAMS, |arena| {
        let socket = patient(raw::socket(libc::AF_INET, libc::SOCK_STREAM, IPPROTO_MPTCP)?)?;
        connect_and_deliver(arena, socket, &arena.world4(ports::PLAIN))
    }),
    Attempt::escape("mptcp6-connect", "connects with multipath TCP over IPv6", BY_PROGRAMS, |arena| {
        let socket = patient(raw::socket(libc::AF_INET6, libc::SOCK_STREAM, IPPROTO_MPTCP)?)?;
        connect_and_deliver(arena, socket, &arena.world6(ports::PLAIN))
    }),
    Attempt::escape("mptcp-fastopen", "fast-opens multipath TCP", BY_PROGRAMS, |arena| {
        let socket = patient(raw::socket(libc::AF_INET, libc::SOCK_STREAM, IPPROTO_MPTCP)?)?;
        fastopen(arena, &socket, &arena.world4(ports::PLAIN))
    }),
    Attempt::escape("tcp-from-child", "connects from a forked child", BY_PROGRAMS, |arena| {
        from_process(arena, |act| raw::fork_and_ask(act))
    }),
    Attempt::escape(
        "tcp-from-orphan",
        "connects from a grandchild that init adopted",
        BY_PROGRAMS,
        |arena| from_process(arena, |act| raw::fork_and_forget(act)),
    ),
    Attempt::escape("tcp-from-thread", "connects from another thread", BY_PROGRAMS, |arena| {
        std::thread::scope(|threads| threads.spawn(|| plain(arena)).join())
            .unwrap_or_else(|_| Err(Stopped::at("thread", libc::ECHILD)))
    }),
    Attempt::escape(
        "tcp-child-cgroup",
        "connects from a cgroup below the agent's, made later",
        BY_PROGRAMS,
        plain,
    )
    .needs(&[Need::ChildCgroup]),
    Attempt::escape(
        "gateway-port-proxy",
        "asks the gateway's own port to carry it on",
        BY_PROGRAMS,
        gateway_port,
    )
    .bare(Bare::Nobody),
    Attempt::must_work("own-server4", "talks to its own server on 127.0.0.1", |_| {
        own_server(libc::AF_INET, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }),
    Attempt::must_work("own-server6", "talks to its own server on ::1", |_| {
        own_server(libc::AF_INET6, SocketAddr::from((Ipv6Addr::LOCALHOST, 0)))
    }),
    Attempt::must_work("own-server-from-child", "serves a child process over loopback", |_| {
        own_server_from_child()
    }),
];

fn plain(arena: &Arena) -> Result<Claim, Stopped> {
    connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.world4(ports::PLAIN))
}

fn v6only(arena: &Arena) -> Result<Claim, Stopped> {
    let socket = tcp(libc::AF_INET6)?;
    raw::set_int(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    connect_and_deliver(arena, socket, &arena.world6(ports::PLAIN))
}

fn reconnect(arena: &Arena) -> Result<Claim, Stopped> {
    let server = tcp(libc::AF_INET)?;
    raw::bind(&server, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    raw::listen(&server)?;
    let socket = tcp(libc::AF_INET)?;
    let port = raw::port_of(&server)?;
    raw::connect(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    raw::connect(&socket, &Address::unspecified())?;
    connect_and_deliver(arena, socket, &arena.world4(ports::PLAIN))
}

fn nonblocking(arena: &Arena) -> Result<Claim, Stopped> {
    let socket = patient(raw::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?)?;
    match raw::connect(&socket, &arena.world4(ports::PLAIN)) {
        Err(at) if at.errno != libc::EINPROGRESS => return Err(at),
        Ok(()) | Err(_) => {}
    }
    for _ in 0..100 {
        match arena.deliver(&socket) {
            Err(at) if at.errno == libc::EAGAIN => std::thread::sleep(std::time::Duration::from_millis(10)),
            other => return other,
        }
    }
    Err(Stopped::at("sendto", libc::EAGAIN))
}

/// A kernel without a cookie for this peer sends the data after the handshake; both are the same escape.
pub(super) fn fastopen(arena: &Arena, socket: &OwnedFd, to: &Address) -> Result<Claim, Stopped> {
    sent_or_cut_off(raw::sendto(socket, arena.bytes(), libc::MSG_FASTOPEN, Some(to)))
}

/// A TCP socket that sends data with its SYN whether or not the peer ever gave it a cookie.
pub(super) fn cookieless(family: i32) -> Result<OwnedFd, Stopped> {
    const TCP_FASTOPEN_NO_COOKIE: i32 = 34;
    let socket = tcp(family)?;
    raw::set_int(&socket, libc::IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1)?;
    Ok(socket)
}

/// Runs the plain attempt in a process made by `make` and takes over its claim.
fn from_process(
    arena: &Arena,
    make: impl FnOnce(&dyn Fn() -> String) -> Result<String, Stopped>,
) -> Result<Claim, Stopped> {
    let act = || {
        let claim = plain(arena).unwrap_or_else(Claim::Refused);
        serde_json::to_string(&claim).unwrap_or_default()
    };
    let answer = make(&act)?;
    serde_json::from_str(&answer).map_err(|_| Stopped::at("fork", libc::ECHILD))
}

/// Speaks the introductions that relays understand: PROXY protocol, SOCKS 5, HTTP CONNECT.
fn gateway_port(arena: &Arena) -> Result<Claim, Stopped> {
    let Some(port) = arena.gateway_port else {
        return Claim::unavailable("no gateway port is known");
    };
    let (world, token) = (arena.world.v4, &arena.token);
    let greetings = [
        format!("PROXY TCP4 127.0.0.1 {world} 40000 {}\r\n{token}", ports::PLAIN),
        format!("CONNECT {world}:{} HTTP/1.1\r\n\r\n{token}", ports::PLAIN),
    ];
    let mut claim = Err(Stopped::at("connect", libc::ECONNREFUSED));
    for greeting in greetings {
        let socket = tcp(libc::AF_INET)?;
        raw::connect(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        claim = sent_or_cut_off(raw::send(&socket, greeting.as_bytes()));
    }
    claim
}

fn own_server(family: i32, address: SocketAddr) -> Result<Claim, Stopped> {
    let server = tcp(family)?;
    raw::bind(&server, &address.into())?;
    raw::listen(&server)?;
    let port = raw::port_of(&server)?;
    let caller = tcp(family)?;
    raw::connect(&caller, &SocketAddr::new(address.ip(), port).into())?;
    let accepted = patient(raw::accept(&server)?)?;
    raw::send(&caller, b"question")?;
    let heard = raw::recv(&accepted, 16)?;
    raw::send(&accepted, b"answer")?;
    let answer = raw::recv(&caller, 16)?;
    Ok(if heard == b"question" && answer == b"answer" {
        Claim::Worked
    } else {
        Claim::Broken(format!("the server heard {} bytes, the caller {}", heard.len(), answer.len()))
    })
}

fn own_server_from_child() -> Result<Claim, Stopped> {
    let server = tcp(libc::AF_INET)?;
    raw::bind(&server, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    raw::listen(&server)?;
    let to: Address = SocketAddr::from((Ipv4Addr::LOCALHOST, raw::port_of(&server)?)).into();
    raw::fork_and_ask(|| {
        let called = tcp(libc::AF_INET).and_then(|caller| {
            raw::connect(&caller, &to)?;
            raw::send(&caller, b"question")
        });
        called.map_or_else(|at| at.to_string(), |()| String::new())
    })
    .and_then(|trouble| {
        if !trouble.is_empty() {
            return Ok(Claim::Broken(trouble));
        }
        let heard = raw::recv(patient(raw::accept(&server)?)?, 16)?;
        Ok(if heard == b"question" {
            Claim::Worked
        } else {
            Claim::Broken("the server heard nothing".into())
        })
    })
}
