//! One thread that reads every socket of the world and writes down what it got.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::ledger::{Ledger, Page};
use crate::sys::raw::{self, During, Stopped};

/// Larger than any datagram or frame that an attempt sends.
const ROOM: usize = 4096;

/// A socket of the world.
#[derive(Debug)]
pub(super) struct Source {
    socket: OwnedFd,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Listener { place: String, greeting: String },
    Stream(Page),
    Datagrams { place: String },
}

impl Source {
    /// Greets whoever connects, if only with nothing.
    pub(super) fn listener(socket: OwnedFd, place: String, greeting: String) -> Self {
        Self { socket, kind: Kind::Listener { place, greeting } }
    }

    pub(super) fn datagrams(socket: OwnedFd, place: String) -> Self {
        Self { socket, kind: Kind::Datagrams { place } }
    }
}

/// What to do with a socket that had something.
enum Next {
    Keep,
    Drop,
    Also(Source),
}

/// The running thread. Dropping it ends the thread and closes all sockets.
#[derive(Debug)]
pub(super) struct Watch {
    stop: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn start(sources: Vec<Source>, ledger: Arc<Ledger>) -> Result<Self, Stopped> {
        let (stopped, stop) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).during("pipe")?;
        let thread = std::thread::Builder::new()
            .name("world".into())
            .spawn(move || follow(sources, &stopped, &ledger))
            .during("thread")?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The thread takes the hang-up as its end.
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that watches the world panicked");
        }
    }
}

fn follow(mut sources: Vec<Source>, stopped: &OwnedFd, ledger: &Ledger) {
    loop {
        let mut waiting: Vec<_> =
            sources.iter().map(|source| PollFd::new(source.socket.as_fd(), PollFlags::POLLIN)).collect();
        waiting.push(PollFd::new(stopped.as_fd(), PollFlags::POLLIN));
        if poll(&mut waiting, PollTimeout::NONE).is_err() {
            continue;
        }
        let ready: Vec<bool> = waiting.iter().map(|one| one.any().unwrap_or(false)).collect();
        if ready.last().copied().unwrap_or(true) {
            return;
        }
        sources = attend(sources, &ready, ledger);
    }
}

fn attend(sources: Vec<Source>, ready: &[bool], ledger: &Ledger) -> Vec<Source> {
    let mut kept = Vec::with_capacity(sources.len());
    for (source, ready) in sources.into_iter().zip(ready) {
        let next = if *ready { read(&source, ledger) } else { Next::Keep };
        match next {
            Next::Keep => kept.push(source),
            Next::Drop => {}
            Next::Also(new) => kept.extend([source, new]),
        }
    }
    kept
}

fn read(source: &Source, ledger: &Ledger) -> Next {
    match &source.kind {
        Kind::Listener { place, greeting } => accept(&source.socket, place, greeting, ledger),
        Kind::Stream(page) => match raw::recv(&source.socket, ROOM) {
            Ok(bytes) if !bytes.is_empty() => {
                ledger.append(*page, &bytes);
                Next::Keep
            }
            Ok(_) | Err(_) => Next::Drop,
        },
        Kind::Datagrams { place } => {
            // An error here is an ICMP answer to something, not an arrival.
            if let Ok(bytes) = raw::recv(&source.socket, ROOM) {
                ledger.record(place, &bytes);
            }
            Next::Keep
        }
    }
}

fn accept(listener: &OwnedFd, place: &str, greeting: &str, ledger: &Ledger) -> Next {
    let Ok(socket) = raw::accept(listener) else { return Next::Keep };
    if greet(&socket, greeting).is_err() {
        tracing::debug!("a connection to {place} was gone before it was greeted");
    }
    Next::Also(Source { socket, kind: Kind::Stream(ledger.open(place)) })
}

fn greet(socket: &OwnedFd, greeting: &str) -> Result<(), Stopped> {
    // Urgent data is to be seen like any other.
    raw::set_int(socket, libc::SOL_SOCKET, libc::SO_OOBINLINE, 1)?;
    if greeting.is_empty() { Ok(()) } else { raw::send(socket, greeting.as_bytes()) }
}
