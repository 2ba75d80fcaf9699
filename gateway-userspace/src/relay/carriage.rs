//! Moves the bytes of one connection as far as the sockets allow, and says what to wait for.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use gateway_audit::event::Ending;
use nix::poll::PollFlags;
use tokio::sync::oneshot;

use super::pair::{Pair, Way};

/// Bytes that one read takes. It belongs to the thread, not to the connection.
pub const BUFFER: usize = 64 * 1024;
/// Reads in one direction before the other gets its turn.
const TURN: usize = 16;

/// A connection on its way through the relay.
#[derive(Debug)]
pub struct Carriage {
    pair: Arc<Pair>,
    to_target: Direction,
    to_agent: Direction,
    hung_up: HungUp,
    done: Option<oneshot::Sender<Ending>>,
}

/// What a connection waits for. `None`: not even for the socket's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    pub agent: Option<PollFlags>,
    pub target: Option<PollFlags>,
}

/// Sockets that report a hang-up for ever, although their last bytes are still to be fetched.
#[derive(Debug, Default)]
struct HungUp {
    agent: bool,
    target: bool,
}

/// How far the bytes of a connection got.
#[derive(Debug)]
pub enum Progress {
    /// There may be more at once.
    More,
    Waiting(Wants),
    Ended(Ending),
}

/// One of the two streams.
#[derive(Debug, Default)]
struct Direction {
    /// Read, and not yet taken by the other side. Empty, and without memory, unless that side is slow.
    left_over: Vec<u8>,
    state: Stream,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stream {
    #[default]
    Open,
    /// The reader has seen the end; the writer still has bytes to deliver.
    Ending,
    /// The end was passed on.
    Closed,
}

/// What one direction needs before it can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Turn,
    Bytes,
    Room,
    Nothing,
}

/// Whose socket failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

impl Carriage {
    pub fn new(pair: Arc<Pair>, done: oneshot::Sender<Ending>) -> Self {
        Self {
            pair,
            to_target: Direction::default(),
            to_agent: Direction::default(),
            hung_up: HungUp::default(),
            done: Some(done),
        }
    }

    pub fn pair(&self) -> &Arc<Pair> {
        &self.pair
    }

    /// Moves what can be moved now.
    pub fn advance(&mut self, buffer: &mut [u8]) -> Progress {
        let pair = &*self.pair;
        let sent = self.to_target.advance(pair, Way::ToTarget, buffer);
        let received = self.to_agent.advance(pair, Way::ToAgent, buffer);
        if let Some(cut) = pair.was_cut() {
            return Progress::Ended(cut.into());
        }
        match (sent, received) {
            (Err(Side::From), _) | (_, Err(Side::To)) => Progress::Ended(Ending::ResetByAgent),
            (Err(Side::To), _) | (_, Err(Side::From)) => Progress::Ended(Ending::ResetByTarget),
            (Ok(Need::Nothing), Ok(Need::Nothing)) => Progress::Ended(Ending::Finished),
            (Ok(Need::Turn), Ok(_)) | (Ok(_), Ok(Need::Turn)) => Progress::More,
            (Ok(sent), Ok(received)) => Progress::Waiting(Wants {
                agent: watch(reads(sent) | writes(received), self.hung_up.agent),
                target: watch(writes(sent) | reads(received), self.hung_up.target),
            }),
        }
    }

    /// Takes note of what was seen of sockets from which nothing was wanted.
    pub fn saw(&mut self, agent: PollFlags, target: PollFlags) -> Option<Ending> {
        self.hung_up.agent |= agent.contains(PollFlags::POLLHUP);
        self.hung_up.target |= target.contains(PollFlags::POLLHUP);
        if agent.contains(PollFlags::POLLERR) {
            return Some(Ending::ResetByAgent);
        }
        target.contains(PollFlags::POLLERR).then_some(Ending::ResetByTarget)
    }

    /// Tells whoever waits for the end. The sockets close with the last owner of the pair.
    pub fn end(mut self, ending: Ending) {
        match ending {
            Ending::Finished => (),
            Ending::ResetByAgent
            | Ending::ResetByTarget
            | Ending::Idle
            | Ending::ConnectTimedOut
            | Ending::ConnectFailed { .. }
            | Ending::LoginFailed { .. }
            | Ending::TargetLoginFailed { .. }
            | Ending::CancelPassedOn { .. }
            | Ending::NothingToCancel
            | Ending::AgentRemoved
            | Ending::TargetRemoved
            | Ending::GatewayStopped
            | Ending::Failed { .. } => self.pair.reset(),
        }
        if let Some(done) = self.done.take() {
            // Nobody waits when the gateway is on its way out.
            let _ = done.send(ending);
        }
    }
}

fn watch(wanted: PollFlags, hung_up: bool) -> Option<PollFlags> {
    (!hung_up || !wanted.is_empty()).then_some(wanted)
}

fn reads(need: Need) -> PollFlags {
    if need == Need::Bytes { PollFlags::POLLIN } else { PollFlags::empty() }
}

fn writes(need: Need) -> PollFlags {
    if need == Need::Room { PollFlags::POLLOUT } else { PollFlags::empty() }
}

impl Direction {
    fn advance(&mut self, pair: &Pair, way: Way, buffer: &mut [u8]) -> Result<Need, Side> {
        let (from, to) = match way {
            Way::ToTarget => (&pair.agent, &pair.target),
            Way::ToAgent => (&pair.target, &pair.agent),
        };
        for _ in 0..TURN {
            let need = match self.state {
                Stream::Closed => Need::Nothing,
                _ if !self.left_over.is_empty() => self.deliver(to, pair, way)?,
                Stream::Ending => self.close(to),
                Stream::Open => self.fetch(from, to, pair, way, buffer)?,
            };
            if need != Need::Turn {
                return Ok(need);
            }
        }
        Ok(Need::Turn)
    }

    fn fetch(
        &mut self,
        mut from: &TcpStream,
        to: &TcpStream,
        pair: &Pair,
        way: Way,
        buffer: &mut [u8],
    ) -> Result<Need, Side> {
        let read = match from.read(buffer) {
            Ok(0) => {
                self.state = Stream::Ending;
                return Ok(Need::Turn);
            }
            Ok(read) => read,
            Err(error) => return waits(&error, Need::Bytes).ok_or(Side::From),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        let written = write(to, bytes)?;
        pair.count(way, written);
        if written < read {
            self.left_over = bytes.get(written..).unwrap_or_default().to_vec();
            return Ok(Need::Room);
        }
        // A read that did not fill the buffer took all there was: reading again would only say so.
        Ok(if read == buffer.len() { Need::Turn } else { Need::Bytes })
    }

    fn deliver(&mut self, to: &TcpStream, pair: &Pair, way: Way) -> Result<Need, Side> {
        let written = write(to, &self.left_over)?;
        pair.count(way, written);
        self.left_over.drain(..written);
        if self.left_over.is_empty() {
            self.left_over = Vec::new();
            return Ok(Need::Turn);
        }
        Ok(Need::Room)
    }

    fn close(&mut self, to: &TcpStream) -> Need {
        // It fails when the other side is gone, which its own direction will tell.
        let _ = to.shutdown(Shutdown::Write);
        self.state = Stream::Closed;
        Need::Nothing
    }
}

/// Bytes that the socket took, none when it has no room.
fn write(mut to: &TcpStream, bytes: &[u8]) -> Result<usize, Side> {
    match to.write(bytes) {
        Ok(written) => Ok(written),
        Err(error) => waits(&error, 0).ok_or(Side::To),
    }
}

fn waits<T>(error: &std::io::Error, value: T) -> Option<T> {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted).then_some(value)
}
