//! Agents in a network namespace of their own have a loopback of their own: the gateway's listener is made in there
//! and handed over. Until that is done, and if it cannot be done, their connections are refused.

use std::{
    fs::File,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::fd::{AsFd as _, OwnedFd},
    thread,
};

use gateway_common::{event::Report, settings::serves};
use nix::sched::{CloneFlags, setns};

use super::state::State;
use crate::{attribution::wire::Notice, sys};

/// Makes the listeners in the namespace of the process that was refused.
pub fn serve(state: &State, report: &Report) {
    let (pid, netns, port) = (report.tgid, report.netns, state.config().serve.port);
    let made = thread::scope(|scope| scope.spawn(|| listeners_inside(pid, netns, port)).join());
    match made {
        Ok(Ok(listeners)) => hand_over(state, netns, listeners),
        Ok(Err(error)) => tracing::warn!(pid, netns, %error, "cannot listen in an agent's network namespace"),
        Err(_) => tracing::error!(pid, netns, "listening in an agent's network namespace failed"),
    }
}

/// The namespace counts as served only when the gateway has the listeners.
fn hand_over(state: &State, netns: u64, listeners: Vec<OwnedFd>) {
    for listener in listeners {
        state.post(Notice::Listener { netns }, Some(listener));
    }
    if let Err(error) = state.enforcement().told.netns.insert(netns, serves::TCP, 0) {
        tracing::error!(netns, %error, "cannot tell the kernel that a network namespace is served");
    }
}

/// On a thread of its own, since it moves into the namespace and is thrown away afterwards.
fn listeners_inside(pid: u32, netns: u64, port: u16) -> io::Result<Vec<OwnedFd>> {
    let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
    setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET)?;
    let v4 = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    // The process may have died and its number may name another one by now.
    if sys::cookie_of(v4.as_fd())? != netns {
        return Err(io::Error::other("the process is in another network namespace now"));
    }
    let mut listeners = vec![OwnedFd::from(v4)];
    // A namespace may be without IPv6.
    listeners.extend(TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).map(OwnedFd::from));
    Ok(listeners)
}
