//! Moves the bytes of one connection as far as the sockets allow (`moving.rs`), says what to wait for, and how it came
//! to its end (`ending.rs`).

mod ending;
mod moving;

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::Arc;

use gateway_audit::event::Ending;
use gateway_protocols::conversation::{Plan, Side};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

use super::bell::Bell;
use super::desk::Desk;
use super::freight::Freight;
use super::pair::Pair;
use super::party::{Party, Says};
use super::wire::{Patience, Wire};
use ending::Stop;
use moving::Need;

/// A connection on its way through the relay.
#[derive(Debug)]
pub struct Carriage {
    pair: Arc<Pair>,
    agent: Party,
    target: Party,
    freight: Freight,
    hung_up: HungUp,
    done: Option<oneshot::Sender<Ending>>,
}

/// One end of a connection, as a login leaves it.
#[derive(Debug)]
pub struct Login {
    pub wire: Wire,
    /// What came after the login, and was read with it.
    pub read: Vec<u8>,
}

impl Login {
    /// An end where nobody logs in.
    pub fn without(wire: Wire) -> Self {
        Self { wire, read: Vec::new() }
    }
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

impl Carriage {
    pub fn new(agent: Login, target: Login, freight: Freight) -> io::Result<Box<Self>> {
        let (agent_socket, agent_cipher) = agent.wire.split();
        let (target_socket, target_cipher) = target.wire.split();
        Ok(Box::new(Self {
            pair: Arc::new(Pair::new(agent_socket, target_socket)?),
            agent: Party::new(agent_cipher, agent.read),
            target: Party::new(target_cipher, target.read),
            freight,
            hung_up: HungUp::default(),
            done: None,
        }))
    }

    pub fn pair(&self) -> &Arc<Pair> {
        &self.pair
    }

    pub(super) fn report_to(&mut self, done: oneshot::Sender<Ending>) {
        self.done = Some(done);
    }

    /// Moves what can be moved now.
    pub fn advance(&mut self, desk: &mut Desk) -> Progress {
        let moved = self.look_up(&mut desk.plan).and_then(|()| self.catch_up()).and_then(|()| {
            let sent = self.move_from(Side::Agent, desk)?;
            let received = self.move_from(Side::Target, desk)?;
            Ok(sent == Need::Turn || received == Need::Turn)
        });
        self.progress(moved, desk)
    }

    /// Whether its agent's command waits for people.
    pub fn is_held(&self) -> bool {
        self.agent.waits_for_a_ruling()
    }

    pub fn bell(&self) -> Option<&Arc<Bell>> {
        self.freight.bell()
    }

    /// Looks for news of a command that waits for people, and whether its agent still does. What else it said is not
    /// read meanwhile, so its end would not be seen.
    fn look_up(&mut self, plan: &mut Plan) -> Result<(), Stop> {
        let called = self.freight.bell().is_some_and(|bell| bell.heard());
        if !self.is_held() {
            return Ok(());
        }
        if self.agent.says == Says::More && hung_up(&self.pair.agent) {
            self.hear_the_end(Side::Agent, plan)?;
        } else if called {
            self.agent.asks_again();
        }
        Ok(())
    }

    /// Waits a moment for one side, and moves what it says. `None`: it said nothing.
    pub fn attend(&mut self, side: Side, desk: &mut Desk) -> Option<Progress> {
        let fetched = self.fetch(side, desk, Patience::Brief);
        if matches!(fetched, Ok(Need::Word)) {
            return None;
        }
        let moved = fetched.map(|need| need == Need::Turn);
        Some(self.progress(moved, desk))
    }

    /// The one side from which something is expected, as long as both can be spoken with freely.
    pub fn awaits(&self) -> Option<Side> {
        let free = |party: &Party| party.says == Says::More && !party.is_behind();
        self.freight.awaits().filter(|_| free(&self.agent) && free(&self.target))
    }

    /// Nothing moves for now.
    pub fn rest(&mut self) {
        // It stays kept back, and stops the next command.
        let _ = self.freight.settle();
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

    fn progress(&mut self, moved: Result<bool, Stop>, desk: &mut Desk) -> Progress {
        let stop = match moved {
            Err(stop) => stop,
            Ok(more) => match self.pair.was_cut() {
                Some(cut) => Stop::Cut(cut),
                None if self.is_finished() => return Progress::Ended(Ending::Finished),
                None if more || self.can_go_on(Side::Agent) || self.can_go_on(Side::Target) => {
                    return Progress::More;
                }
                None => return Progress::Waiting(self.wants()),
            },
        };
        Progress::Ended(self.stop(stop, &mut desk.plan))
    }

    /// Opaque streams end one by one. A conversation is over when one of both has left it and the other was told:
    /// nobody waits for the answers of an agent that is gone.
    fn is_finished(&self) -> bool {
        match (self.agent.hears_nothing(), self.target.hears_nothing()) {
            (true, true) => true,
            (true, false) => self.freight.is_understood() && self.target.says == Says::Nothing,
            (false, true) => self.freight.is_understood() && self.agent.says == Says::Nothing,
            (false, false) => false,
        }
    }

    fn wants(&self) -> Wants {
        Wants {
            agent: watch(self.wanted(Side::Agent), self.hung_up.agent),
            target: watch(self.wanted(Side::Target), self.hung_up.target),
        }
    }

    fn wanted(&self, side: Side) -> PollFlags {
        let mut flags = PollFlags::empty();
        let party = self.party(side);
        flags.set(PollFlags::POLLIN, party.says == Says::More && self.may_listen(side));
        flags.set(HANG_UP, party.says == Says::More && party.waits_for_a_ruling());
        flags.set(PollFlags::POLLOUT, party.is_behind());
        flags
    }

    /// A side is not listened to while the other is behind, so that neither can fill our memory.
    fn may_listen(&self, side: Side) -> bool {
        let party = self.party(side);
        !self.party(side.other()).is_behind()
            && !party.is_deaf()
            && !party.waits_for_the_other()
            && !party.waits_for_a_ruling()
    }

    /// Whether something that was read can be understood by now.
    fn can_go_on(&self, side: Side) -> bool {
        self.party(side).has_enough() && self.may_listen(side)
    }

    fn party(&self, side: Side) -> &Party {
        match side {
            Side::Agent => &self.agent,
            Side::Target => &self.target,
        }
    }

    fn party_mut(&mut self, side: Side) -> &mut Party {
        match side {
            Side::Agent => &mut self.agent,
            Side::Target => &mut self.target,
        }
    }
}

/// The other end has closed its stream, whether or not there is something to be read before that.
pub(super) const HANG_UP: PollFlags = PollFlags::from_bits_retain(libc::POLLRDHUP);

fn hung_up(socket: &TcpStream) -> bool {
    let mut fds = [PollFd::new(socket.as_fd(), HANG_UP)];
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1..))
}

fn watch(wanted: PollFlags, hung_up: bool) -> Option<PollFlags> {
    (!hung_up || !wanted.is_empty()).then_some(wanted)
}
