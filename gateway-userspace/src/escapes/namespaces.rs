//! Namespaces: of one's own making, and those of others.

use std::fs::File;
use std::os::fd::AsFd;

use nix::sched::{CloneFlags, setns, unshare};

use super::arena::{connect_and_deliver, ports, tcp};
use super::attempt::{Attempt, Bare, Closer, Legacy, Need};
use super::outcome::Claim;
use crate::sys::raw::{self, During};

const BY_PROGRAMS: &[Closer] = &[Closer::Cgroup];
const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape(
        "netns-own",
        "makes network and user namespaces of its own and connects from there",
        &[Closer::Kernel, Closer::Cgroup],
        |arena| {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).during("unshare")?;
            connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.world4(ports::PLAIN))
        },
    )
    .bare(Bare::Nobody),
    Attempt::escape("netns-own-packet", "opens a packet socket in namespaces of its own", BY_TASK, |_| {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).during("unshare")?;
        raw::socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
        Claim::created("a packet socket")
    })
    // Some distributions reserve user namespaces to root.
    .bare(Bare::SomeHosts),
    Attempt::escape("netns-own-raw", "opens a raw socket in namespaces of its own", BY_PROGRAMS, |_| {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).during("unshare")?;
        raw::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)?;
        Claim::created("a raw socket")
    })
    .bare(Bare::SomeHosts),
    Attempt::escape(
        "netns-inherited",
        "enters a namespace outside that its parent left open",
        BY_PROGRAMS,
        |arena| {
            let namespace = arena.inherited(Legacy::WorldNamespace)?;
            setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).during("setns")?;
            connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.world4(ports::PLAIN))
        },
    )
    .bare(Bare::RootOnly)
    .needs(&[Need::Inherited(Legacy::WorldNamespace)]),
    Attempt::escape("netns-inherited-udp", "the same, and sends a datagram", BY_PROGRAMS, |arena| {
        let namespace = arena.inherited(Legacy::WorldNamespace)?;
        setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).during("setns")?;
        let socket = super::arena::udp(libc::AF_INET)?;
        raw::sendto(socket, arena.bytes(), 0, Some(&arena.world4(ports::PLAIN))).map(|()| Claim::Sent)
    })
    .bare(Bare::RootOnly)
    .needs(&[Need::Inherited(Legacy::WorldNamespace)]),
    Attempt::escape("netns-of-outsider", "enters an outsider's network namespace", BY_PROGRAMS, |arena| {
        let path = format!("/proc/{}/ns/net", arena.outsider.pid);
        setns(File::open(path).during("open")?.as_fd(), CloneFlags::CLONE_NEWNET).during("setns")?;
        connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.world4(ports::PLAIN))
    })
    .bare(Bare::RootOnly),
];
