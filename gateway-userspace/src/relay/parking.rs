//! Where silent connections wait: one epoll set, no thread and no buffer for each.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use gateway_audit::event::Ending;
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::bell::Stay;
use super::carriage::{Carriage, HANG_UP, Wants};
use super::crew::Crew;
use super::pair::Pair;

/// Events taken from the kernel at once.
const BATCH: usize = 256;

#[derive(Debug)]
pub struct Parking {
    epoll: Epoll,
    places: Mutex<HashMap<u64, Box<Carriage>>>,
    next: AtomicU64,
}

impl Parking {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            places: Mutex::default(),
            next: AtomicU64::new(0),
        })
    }

    /// Leaves the connection here until one of its sockets is ready.
    ///
    /// Each stay has its own number, never used again: an event that comes late finds nobody.
    /// One that is called back already is given back.
    pub fn park(&self, carriage: Box<Carriage>, wants: Wants, crew: Weak<Crew>) -> Option<Box<Carriage>> {
        let stay = self.next.fetch_add(1, Relaxed);
        let pair = Arc::clone(carriage.pair());
        let bell = carriage.bell().map(Arc::clone);
        self.places().insert(stay, carriage);
        // From here on the attendant may take it away at any moment.
        if let Err(error) = self.watch(&pair, wants, stay)
            && let Some(carriage) = self.places().remove(&stay)
        {
            carriage.end(Ending::Failed { why: format!("cannot wait for it: {error}") });
            return None;
        }
        match bell?.park(crew, stay) {
            Stay::Parked => None,
            Stay::Called => self.leave(stay),
        }
    }

    /// Takes a connection from its place, if it is there.
    pub fn leave(&self, stay: u64) -> Option<Box<Carriage>> {
        self.places().remove(&stay)
    }

    fn watch(&self, pair: &Pair, wants: Wants, stay: u64) -> Result<(), Errno> {
        for (socket, wanted) in [(&pair.agent, wants.agent), (&pair.target, wants.target)] {
            let Some(wanted) = wanted else {
                // It may not be in the set, which is what is asked for.
                let _ = self.epoll.delete(socket.as_fd());
                continue;
            };
            let mut event = EpollEvent::new(flags(wanted), stay);
            match self.epoll.modify(socket.as_fd(), &mut event) {
                Err(Errno::ENOENT) => self.epoll.add(socket.as_fd(), event)?,
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Hands every connection that is ready to `take`, for as long as the gateway runs.
    pub fn attend(&self, take: impl Fn(Box<Carriage>)) {
        let mut events = [EpollEvent::empty(); BATCH];
        loop {
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(error) => {
                    tracing::error!(%error, "cannot wait for parked connections");
                    return;
                }
            };
            for event in events.iter().take(count) {
                let ready = self.places().remove(&event.data());
                if let Some(carriage) = ready {
                    take(carriage);
                }
            }
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<u64, Box<Carriage>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One event for each stay: the attendant passes the connection on with the first.
fn flags(wanted: PollFlags) -> EpollFlags {
    let mut flags = EpollFlags::EPOLLONESHOT;
    flags.set(EpollFlags::EPOLLIN, wanted.contains(PollFlags::POLLIN));
    flags.set(EpollFlags::EPOLLRDHUP, wanted.contains(HANG_UP));
    flags.set(EpollFlags::EPOLLOUT, wanted.contains(PollFlags::POLLOUT));
    flags
}
