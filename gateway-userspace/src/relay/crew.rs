//! The threads that carry connections.
//!
//! A thread stays with its connection while bytes move and for `LINGER` after that. If more connections
//! move at once than threads may stay, the rest share the remaining threads without lingering, so nobody
//! waits for somebody else's silence.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use gateway_audit::event::Ending;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::carriage::{Carriage, Progress, Wants};
use super::desk::Desk;
use super::parking::Parking;

/// Threads at most.
const THREADS: usize = 256;
/// Threads that may wait for a connection of their own; the others only work.
const LINGERERS: usize = THREADS - 16;
/// How long a thread waits for the next byte before the connection is parked, in milliseconds.
const LINGER: u16 = 200;
/// How long a connection may keep a thread busy while others wait for one.
const STINT: Duration = Duration::from_millis(5);
/// How long a thread without work stays.
const IDLE_THREAD: Duration = Duration::from_secs(10);
/// Statements are parsed on these threads. Only what was used once takes memory.
const STACK: usize = 2 * 1024 * 1024;

#[derive(Debug)]
pub struct Crew {
    queue: Mutex<Queue>,
    work: Condvar,
    lingering: AtomicUsize,
    parking: Parking,
}

#[derive(Debug, Default)]
struct Queue {
    ready: VecDeque<Box<Carriage>>,
    threads: usize,
    idle: usize,
}

/// What becomes of a connection when a thread is through with it.
enum Outcome {
    Ended(Ending),
    /// It moves, but others wait.
    Requeue,
    Park(Wants),
}

impl Crew {
    pub fn start() -> io::Result<Arc<Self>> {
        let crew = Arc::new(Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            lingering: AtomicUsize::new(0),
            parking: Parking::new()?,
        });
        let attendant = Arc::clone(&crew);
        thread::Builder::new().name("parking".into()).spawn(move || {
            attendant.parking.attend(|carriage| attendant.take(carriage));
        })?;
        Ok(crew)
    }

    /// Gives the connection to a thread, as soon as there is one.
    pub fn take(self: &Arc<Self>, carriage: Box<Carriage>) {
        let mut queue = self.queue();
        queue.ready.push_back(carriage);
        if queue.idle >= queue.ready.len() {
            self.work.notify_one();
        } else if queue.threads < THREADS {
            self.hire(&mut queue);
        }
    }

    /// Takes a parked connection up again.
    pub fn call(self: &Arc<Self>, stay: u64) {
        if let Some(carriage) = self.parking.leave(stay) {
            self.take(carriage);
        }
    }

    fn hire(self: &Arc<Self>, queue: &mut Queue) {
        let crew = Arc::clone(self);
        match thread::Builder::new().name("relay".into()).stack_size(STACK).spawn(move || crew.work()) {
            Ok(_) => queue.threads += 1,
            // The threads there are will come to it; without any, the connections cannot go on.
            Err(error) if queue.threads == 0 => {
                tracing::error!(%error, "cannot start a relay thread");
                for carriage in queue.ready.drain(..) {
                    carriage.end(Ending::Failed { why: error.to_string() });
                }
            }
            Err(error) => tracing::warn!(%error, "cannot start another relay thread"),
        }
    }

    fn work(self: &Arc<Self>) {
        let mut desk = Desk::new();
        while let Some(mut carriage) = self.next() {
            match self.drive(&mut carriage, &mut desk) {
                Outcome::Ended(ending) => carriage.end(ending),
                Outcome::Requeue => self.take(carriage),
                Outcome::Park(wants) => {
                    if let Some(called) = self.parking.park(carriage, wants, Arc::downgrade(self)) {
                        self.take(called);
                    }
                }
            }
        }
    }

    /// The next connection that has something to move, or `None` when the thread is not needed any more.
    fn next(&self) -> Option<Box<Carriage>> {
        let mut queue = self.queue();
        loop {
            if let Some(carriage) = queue.ready.pop_front() {
                return Some(carriage);
            }
            queue.idle += 1;
            let (guard, timeout) =
                self.work.wait_timeout(queue, IDLE_THREAD).unwrap_or_else(PoisonError::into_inner);
            queue = guard;
            queue.idle -= 1;
            if timeout.timed_out() && queue.ready.is_empty() {
                queue.threads -= 1;
                return None;
            }
        }
    }

    fn drive(&self, carriage: &mut Carriage, desk: &mut Desk) -> Outcome {
        let mut since = Instant::now();
        let mut progress = carriage.advance(desk);
        loop {
            progress = match progress {
                Progress::Ended(ending) => return Outcome::Ended(ending),
                Progress::More => carriage.advance(desk),
                Progress::Waiting(wants) => match self.wait(carriage, wants, desk) {
                    Ok(progress) => progress,
                    Err(outcome) => return outcome,
                },
            };
            if since.elapsed() > STINT {
                if self.others_wait() {
                    return Outcome::Requeue;
                }
                since = Instant::now();
            }
        }
    }

    /// Waits for the side that is expected to speak, then for both, then gives the connection away.
    fn wait(&self, carriage: &mut Carriage, wants: Wants, desk: &mut Desk) -> Result<Progress, Outcome> {
        if carriage.is_held() {
            // People take longer than any thread should wait, and their answer is not seen at a socket.
            carriage.rest();
            return Err(Outcome::Park(wants));
        }
        let place = Place::take(&self.lingering);
        if place.is_own()
            && let Some(side) = carriage.awaits()
            && let Some(progress) = carriage.attend(side, desk)
        {
            return Ok(progress);
        }
        carriage.rest();
        let limit = if place.is_own() { PollTimeout::from(LINGER) } else { PollTimeout::ZERO };
        match linger(carriage, wants, limit) {
            Lingered::Ready => Ok(carriage.advance(desk)),
            Lingered::Silence => Err(Outcome::Park(wants)),
            Lingered::Broken(ending) => Err(Outcome::Ended(ending)),
        }
    }

    fn others_wait(&self) -> bool {
        !self.queue().ready.is_empty()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the threads that wait for their connection.
struct Place<'a> {
    taken: &'a AtomicUsize,
    number: usize,
}

impl<'a> Place<'a> {
    fn take(taken: &'a AtomicUsize) -> Self {
        Self { taken, number: taken.fetch_add(1, Relaxed) }
    }

    /// Whether the thread may wait: enough others are free for connections that move.
    fn is_own(&self) -> bool {
        self.number < LINGERERS
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Relaxed);
    }
}

enum Lingered {
    Ready,
    Silence,
    Broken(Ending),
}

fn linger(carriage: &mut Carriage, wants: Wants, limit: PollTimeout) -> Lingered {
    let pair = Arc::clone(carriage.pair());
    let nothing = PollFlags::empty();
    let mut fds = [
        PollFd::new(pair.agent.as_fd(), wants.agent.unwrap_or(nothing)),
        PollFd::new(pair.target.as_fd(), wants.target.unwrap_or(nothing)),
    ];
    let (from, to) = (usize::from(wants.agent.is_none()), if wants.target.is_none() { 1 } else { 2 });
    match poll(fds.get_mut(from..to).unwrap_or_default(), limit) {
        Ok(0) => return Lingered::Silence,
        Ok(_) => (),
        Err(Errno::EINTR) => return Lingered::Ready,
        Err(error) => return Lingered::Broken(Ending::Failed { why: error.to_string() }),
    }
    let [agent, target] = fds.map(|fd| match fd.revents() {
        Some(seen) if fd.events().is_empty() => seen,
        // What is wanted is tried, and the attempt says what is wrong.
        _ => nothing,
    });
    carriage.saw(agent, target).map_or(Lingered::Ready, Lingered::Broken)
}
