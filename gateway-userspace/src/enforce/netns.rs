//! Agents in a network namespace of their own have a loopback of their own: the gateway's listener is made in there
//! and handed over. Until that is done, and if it cannot be done, their connections are refused.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    thread,
};

use aya::maps::{HashMap, MapData, MapError};
use gateway_common::{event::Report, settings::serves};
use nix::sched::{CloneFlags, setns};

use super::state::State;
use crate::{attribution::wire::Notice, sys};

/// An agent can make namespaces at will; beyond this many its connections there stay refused.
const MOST: usize = 64;

/// The namespaces in which listeners were made, by cookie.
pub type Elsewhere = BTreeMap<u64, Namespace>;

/// Listeners in a namespace keep it alive, so they are let go when nobody is left in it.
#[derive(Debug)]
pub struct Namespace {
    inode: u64,
    listeners: Vec<OwnedFd>,
}

/// Makes the listeners in the namespace of the process that was refused.
pub fn serve(state: &State, report: &Report) {
    let (pid, netns, port) = (report.tgid, report.netns, state.config().serve.port);
    {
        let elsewhere = state.elsewhere();
        if elsewhere.contains_key(&netns) || elsewhere.len() >= MOST {
            return;
        }
    }
    // On a thread of its own, since it moves into the namespace and is thrown away afterwards.
    let made = thread::scope(|scope| scope.spawn(|| listen_inside(pid, netns, port)).join());
    match made {
        Ok(Ok(namespace)) => hand_over(state, netns, namespace),
        Ok(Err(error)) => tracing::warn!(pid, netns, %error, "cannot listen in an agent's network namespace"),
        Err(_) => tracing::error!(pid, netns, "listening in an agent's network namespace failed"),
    }
}

fn listen_inside(pid: u32, netns: u64, port: u16) -> io::Result<Namespace> {
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
    Ok(Namespace { inode: namespace.metadata()?.ino(), listeners })
}

fn hand_over(state: &State, netns: u64, namespace: Namespace) {
    post(state, netns, &namespace);
    if let Err(error) = state.enforcement().told.netns.insert(netns, serves::TCP, 0) {
        tracing::error!(netns, %error, "cannot tell the kernel that a network namespace is served");
    }
    state.elsewhere().insert(netns, namespace);
}

fn post(state: &State, netns: u64, namespace: &Namespace) {
    for listener in &namespace.listeners {
        match listener.try_clone() {
            Ok(copy) => state.post(Notice::Listener { netns }, Some(copy)),
            Err(error) => tracing::error!(netns, %error, "cannot hand a listener over"),
        }
    }
}

/// Tells a gateway that has just come about the listeners that another one had.
pub fn tell_again(state: &State) {
    for (netns, namespace) in state.elsewhere().iter() {
        post(state, *netns, namespace);
    }
}

/// Lets go of namespaces that no process is in any more.
pub fn let_go(state: &State) {
    let mut elsewhere = state.elsewhere();
    if elsewhere.is_empty() {
        return;
    }
    let peopled = peopled();
    let empty: Vec<u64> = elsewhere
        .iter()
        .filter(|(_, space)| !peopled.contains(&space.inode))
        .map(|(netns, _)| *netns)
        .collect();
    for netns in empty {
        elsewhere.remove(&netns);
        // Gone already is what we want.
        let _ = state.enforcement().told.netns.remove(&netns);
        state.post(Notice::NetnsGone { netns }, None);
    }
}

/// The network namespaces of all processes. A process that cannot be read is gone.
fn peopled() -> HashSet<u64> {
    let Ok(processes) = fs::read_dir("/proc") else { return HashSet::new() };
    let spaces = processes.flatten().filter_map(|process| fs::metadata(process.path().join("ns/net")).ok());
    spaces.map(|facts| facts.ino()).collect()
}

/// What an enforcer before us served elsewhere ended with it; the programs must not send connections there.
pub fn forget_others(map: &mut HashMap<MapData, u64, u32>, here: u64) -> Result<(), MapError> {
    let others: Vec<u64> = map.keys().filter_map(Result::ok).filter(|netns| *netns != here).collect();
    others.iter().try_for_each(|netns| map.remove(netns))?;
    map.insert(here, serves::TCP | serves::DNS, 0)
}
