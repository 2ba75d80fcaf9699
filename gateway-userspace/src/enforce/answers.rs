//! Answers the gateway, and nobody else: whose connection is this, how does enforcement stand.

use std::{
    fs,
    net::SocketAddr,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::Path,
    sync::Arc,
    thread,
};

use anyhow::Context as _;
use gateway_common::{
    flow::{Origin, PendingKey, mapped},
    verdict::IPPROTO_UDP,
};
use nix::{
    sys::socket::{
        self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr, UnixCredentials, sockopt::PeerCredentials,
    },
    unistd::{Gid, Uid, User, chown},
};

use super::{
    netns, reports,
    state::{State, Whereabouts},
    tokens,
};
use crate::attribution::wire::{self, Answer, Attribution, Question, WireError};

/// A gateway has a handful of connections open; more are a mistake.
const MAX_ASKERS: usize = 64;

/// Listens, and answers each asker on a thread of its own.
pub fn listen(path: &Path, asker: &User) -> anyhow::Result<OwnedFd> {
    let act = || format!("cannot listen on {}", path.display());
    let socket = socket::socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)
        .with_context(act)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(act)?;
    }
    remove_stale(path).with_context(act)?;
    socket::bind(socket.as_raw_fd(), &UnixAddr::new(path).with_context(act)?).with_context(act)?;
    chown(path, Some(Uid::from_raw(0)), Some(Gid::from_raw(asker.gid.as_raw()))).with_context(act)?;
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o660)).with_context(act)?;
    socket::listen(&socket, Backlog::new(MAX_ASKERS as i32).with_context(act)?).with_context(act)?;
    Ok(socket)
}

/// A socket file that nobody listens on is left over from a kill; one that answers belongs to another enforcer.
fn remove_stale(path: &Path) -> anyhow::Result<()> {
    if is_answered(path) {
        anyhow::bail!("another enforcer answers there");
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether an enforcer runs that was told to listen there.
pub fn is_answered(path: &Path) -> bool {
    let probe = socket::socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None);
    let address = UnixAddr::new(path);
    match (probe, address) {
        (Ok(probe), Ok(address)) => socket::connect(probe.as_raw_fd(), &address).is_ok(),
        _ => false,
    }
}

/// Accepts askers for ever.
pub fn serve(state: &Arc<State>, listener: &OwnedFd, asker: Uid) {
    loop {
        let accepted = socket::accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC);
        let Ok(fd) = accepted else { continue };
        let asking = crate::sys::owned(fd);
        let Some(who) = who_asks(state, &asking, asker).filter(|_| Arc::strong_count(state) <= MAX_ASKERS)
        else {
            tracing::warn!("refused a connection from a process that is not the gateway");
            continue;
        };
        let state = Arc::clone(state);
        thread::spawn(move || answer_all(&state, asking, who));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Root,
    Gateway,
}

/// Root or the gateway's user, and never a process of an agent, whoever it runs as.
fn who_asks(state: &State, asking: &OwnedFd, gateway: Uid) -> Option<Asker> {
    let peer: UnixCredentials = socket::getsockopt(asking, PeerCredentials).ok()?;
    let asker = match Uid::from_raw(peer.uid()) {
        root if root.is_root() => Asker::Root,
        uid if uid == gateway => Asker::Gateway,
        _ => return None,
    };
    (!state.is_agent(peer.pid())).then_some(asker)
}

fn answer_all(state: &Arc<State>, asking: OwnedFd, who: Asker) {
    loop {
        let answer = match wire::receive_with::<Question>(asking.as_fd()) {
            Ok((Question::Subscribe, None)) => {
                state.subscribe(asking);
                return netns::tell_again(state);
            }
            Ok((question, fd)) => answer(state, &question, fd, who),
            Err(WireError::Closed) => return,
            Err(error) => return tracing::warn!(%error, "a question was not understood"),
        };
        if let Err(error) = wire::send(asking.as_fd(), &answer, None) {
            return tracing::warn!(%error, "an answer could not be given");
        }
    }
}

fn answer(state: &Arc<State>, question: &Question, fd: Option<OwnedFd>, who: Asker) -> Answer {
    match (question, fd) {
        (Question::Whose, Some(socket)) => match state.flows.accepted.get(&socket, 0) {
            Ok(origin) => Answer::Connection(attribute(state, &origin)),
            Err(_) => Answer::Connection(None),
        },
        (Question::WhoseDatagram { netns, from }, None) => {
            Answer::Connection(whose_datagram(state, *netns, *from))
        }
        (Question::Status { after }, None) => Answer::Status(state.status(*after)),
        (Question::Watches { cgroup }, None) => Answer::Watches(state.watched_as(*cgroup)),
        (Question::Reached { path, level }, None) if who == Asker::Root => {
            state.note_reached(path.clone(), *level);
            Answer::Noted
        }
        (Question::Token { agent, tgid, place }, None) => {
            Answer::Token(tokens::find(state, agent, *tgid, place))
        }
        (Question::IsAgent { pid }, None) => Answer::IsAgent(state.is_agent(*pid)),
        _ => Answer::Failed { why: "the question and its descriptor do not fit".to_owned() },
    }
}

fn whose_datagram(state: &State, netns: u64, from: SocketAddr) -> Option<Attribution> {
    let words = match from {
        SocketAddr::V4(v4) => mapped(u32::from_ne_bytes(v4.ip().octets())),
        SocketAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = v6.ip().octets();
            [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]].map(u32::from_ne_bytes)
        }
    };
    let key = PendingKey::new(netns, words, from.port(), IPPROTO_UDP as u16);
    let origin = state.flows.pending.get(&key, 0).ok()?;
    attribute(state, &origin)
}

/// `None` when the agent is no longer configured or its cgroup is unknown: then it is nobody's.
fn attribute(state: &State, origin: &Origin) -> Option<Attribution> {
    let Whereabouts { agent, cgroup_path, level } = state.whereabouts(origin.agent, origin.cgroup)?;
    Some(Attribution {
        agent,
        agent_id: origin.agent,
        original: reports::address(origin.addr, origin.port),
        netns: origin.netns,
        cgroup_id: origin.cgroup,
        cgroup_path,
        tgid: origin.tgid,
        pid: origin.pid,
        uid: origin.uid,
        gid: origin.gid,
        comm: reports::comm(origin.comm),
        level,
        exe: state.processes.program(origin.tgid, origin.at_ns),
        at_unix_ns: reports::unix_ns(origin.at_ns),
    })
}
