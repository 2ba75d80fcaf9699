//! Moves the bytes of one connection as far as the sockets allow, and says what to wait for.

use std::io::{self, IoSlice};
use std::sync::Arc;

use gateway_audit::event::Ending;
use gateway_protocols::conversation::{Parting, Piece, Plan, Side, Taken, Unrecorded};
use nix::poll::PollFlags;
use tokio::sync::oneshot;

use super::desk::Desk;
use super::freight::Freight;
use super::pair::{Cut, Pair};
use super::party::{Failure, Party, Says};
use super::wire::{Patience, Wire};

/// Reads from one side before the other gets its turn.
const TURN: usize = 16;
/// Parts that one write takes along.
const PARTS: usize = 32;

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

/// What one side's bytes need before they can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Turn,
    /// More than there was.
    Bytes,
    /// Anything at all.
    Word,
    Room,
    Nothing,
}

/// Why a connection cannot go on.
enum Stop {
    Failed(Side, Failure),
    Cut(Cut),
    Broken(Side, &'static str),
    Unrecorded(Unrecorded),
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
        let moved = self.catch_up().and_then(|()| {
            let sent = self.move_from(Side::Agent, desk)?;
            let received = self.move_from(Side::Target, desk)?;
            Ok(sent == Need::Turn || received == Need::Turn)
        });
        self.progress(moved, desk)
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

    /// Tells whoever waits for the end. The sockets close with the last owner of the pair.
    pub fn end(mut self: Box<Self>, ending: Ending) {
        if was_explained(&ending, &self.freight) {
            self.agent.close(&self.pair.agent);
            self.target.close(&self.pair.target);
        } else if ending != Ending::Finished {
            self.pair.reset();
        }
        self.freight.over();
        if let Some(done) = self.done.take() {
            // Nobody waits when the gateway is on its way out.
            let _ = done.send(ending);
        }
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

    fn is_finished(&self) -> bool {
        // To a target that is gone, an agent that understood has nothing more to say.
        self.agent.hears_nothing()
            && (self.target.hears_nothing()
                || self.freight.is_understood() && self.target.says == Says::Nothing)
    }

    fn stop(&mut self, stop: Stop, plan: &mut Plan) -> Ending {
        match &stop {
            Stop::Failed(Side::Agent, _) | Stop::Broken(..) => (),
            Stop::Failed(Side::Target, _) => self.part(Parting::TargetGone, plan),
            Stop::Cut(cut) => self.part((*cut).into(), plan),
            Stop::Unrecorded(_) => self.part(Parting::GatewayStops, plan),
        }
        match stop {
            Stop::Failed(Side::Agent, Failure::Reset) => Ending::ResetByAgent,
            Stop::Failed(Side::Target, Failure::Reset) => Ending::ResetByTarget,
            Stop::Failed(Side::Agent, Failure::Tls(why)) => Ending::BrokenByAgent { why },
            Stop::Failed(Side::Target, Failure::Tls(why)) => Ending::BrokenByTarget { why },
            Stop::Broken(Side::Agent, why) => Ending::BrokenByAgent { why: why.into() },
            Stop::Broken(Side::Target, why) => Ending::BrokenByTarget { why: why.into() },
            Stop::Cut(cut) => cut.into(),
            Stop::Unrecorded(Unrecorded::Full) => Ending::Failed { why: "no room for its records".into() },
            Stop::Unrecorded(Unrecorded::Failed) => {
                Ending::Failed { why: "its records cannot be written".into() }
            }
        }
    }

    /// Says goodbye. Whoever does not take a last word goes without it.
    fn part(&mut self, because: Parting, plan: &mut Plan) {
        self.freight.part(because, plan);
        for to in [Side::Target, Side::Agent] {
            let _ = self.carry_out_to(to, to.other(), &[], plan);
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
        flags.set(PollFlags::POLLOUT, party.is_behind());
        flags
    }

    /// A side is not listened to while the other is behind, so that neither can fill our memory.
    fn may_listen(&self, side: Side) -> bool {
        let party = self.party(side);
        !self.party(side.other()).is_behind() && !party.is_deaf() && !party.waits_for_the_other()
    }

    /// Whether something that was read can be understood by now.
    fn can_go_on(&self, side: Side) -> bool {
        self.party(side).has_enough() && self.may_listen(side)
    }

    fn catch_up(&mut self) -> Result<(), Stop> {
        for side in [Side::Agent, Side::Target] {
            let pair = Arc::clone(&self.pair);
            let party = self.party_mut(side);
            if party.is_behind() {
                let told =
                    party.catch_up(pair.socket(side)).map_err(|failure| Stop::Failed(side, failure))?;
                pair.count(side, told);
            }
            party.close_if_told(pair.socket(side));
        }
        Ok(())
    }

    fn move_from(&mut self, side: Side, desk: &mut Desk) -> Result<Need, Stop> {
        for _ in 0..TURN {
            let need = self.fetch(side, desk, Patience::None)?;
            if need != Need::Turn {
                return Ok(need);
            }
        }
        Ok(Need::Turn)
    }

    fn fetch(&mut self, from: Side, desk: &mut Desk, patience: Patience) -> Result<Need, Stop> {
        let party = self.party(from);
        match party.says {
            Says::Nothing => return Ok(Need::Nothing),
            Says::More if !self.may_listen(from) => return Ok(Need::Room),
            Says::More if party.has_enough() => return self.understand_unread(from, &mut desk.plan),
            Says::More => (),
        }
        let Desk { buffer, scratch, plan } = desk;
        let kept = self.party(from).show(buffer);
        let room = buffer.get_mut(kept..).unwrap_or_default();
        let size = room.len();
        let pair = Arc::clone(&self.pair);
        let heard = self.party_mut(from).listen(pair.socket(from), room, scratch, patience);
        let came = match heard.map_err(|failure| Stop::Failed(from, failure))? {
            None => return Ok(Need::Word),
            Some(0) => return self.hear_the_end(from, plan),
            Some(came) => came,
        };
        let bytes = buffer.get(..kept + came).unwrap_or_default();
        if kept == 0 && self.party_mut(from).collects(bytes) {
            return Ok(Need::Turn);
        }
        self.understand(from, bytes, plan)?;
        // A read that did not fill the buffer took all there was: reading again would only say so.
        Ok(if came == size || self.party(from).has_more() { Need::Turn } else { Need::Bytes })
    }

    /// A side said its last. If the connection was cut, it is the cut that was heard.
    fn hear_the_end(&mut self, from: Side, plan: &mut Plan) -> Result<Need, Stop> {
        if let Some(cut) = self.pair.was_cut() {
            return Err(Stop::Cut(cut));
        }
        self.party_mut(from).fall_silent();
        if from == Side::Target {
            self.part(Parting::TargetGone, plan);
        }
        let pair = Arc::clone(&self.pair);
        let other = self.party_mut(from.other());
        other.leave();
        other.close_if_told(pair.socket(from.other()));
        Ok(Need::Nothing)
    }

    fn understand_unread(&mut self, from: Side, plan: &mut Plan) -> Result<Need, Stop> {
        let bytes = std::mem::take(&mut self.party_mut(from).unread);
        self.understand(from, &bytes, plan)?;
        Ok(Need::Turn)
    }

    fn understand(&mut self, from: Side, bytes: &[u8], plan: &mut Plan) -> Result<(), Stop> {
        let taken = self.freight.take(from, bytes, plan);
        if from == Side::Agent {
            self.freight.settle().map_err(Stop::Unrecorded)?;
        }
        self.carry_out(from, bytes, plan)?;
        let Taken { bytes: taken, needs } = taken.map_err(|broken| Stop::Broken(broken.by, broken.why))?;
        let rest = bytes.get(taken..).unwrap_or_default();
        self.party_mut(from.other()).goes_on();
        let party = self.party_mut(from);
        party.keep(rest, needs);
        if party.has_enough() {
            return Err(Stop::Broken(from, "it was neither understood nor refused"));
        }
        Ok(())
    }

    /// Says what a plan wants said, to each side in one write if it takes it.
    fn carry_out(&mut self, from: Side, bytes: &[u8], plan: &Plan) -> Result<(), Stop> {
        self.carry_out_to(from.other(), from, bytes, plan)?;
        self.carry_out_to(from, from, bytes, plan)
    }

    fn carry_out_to(&mut self, to: Side, from: Side, bytes: &[u8], plan: &Plan) -> Result<(), Stop> {
        let mut parts = [IoSlice::new(&[]); PARTS];
        let mut count = 0;
        for part in plan.pieces().iter().filter_map(|piece| spoken(piece, to, from, bytes, plan)) {
            if count == PARTS {
                self.tell(to, from, &parts)?;
                count = 0;
            }
            if let Some(place) = parts.get_mut(count) {
                *place = IoSlice::new(part);
                count += 1;
            }
        }
        if count == 0 {
            return Ok(());
        }
        self.tell(to, from, parts.get(..count).unwrap_or_default())
    }

    fn tell(&mut self, to: Side, because_of: Side, parts: &[IoSlice<'_>]) -> Result<(), Stop> {
        let (party, socket) = match to {
            Side::Agent => (&mut self.agent, &self.pair.agent),
            Side::Target => (&mut self.target, &self.pair.target),
        };
        let told = party.tell(socket, parts).map_err(|failure| Stop::Failed(to, failure))?;
        if to == because_of {
            party.was_answered(parts.iter().map(|part| part.len()).sum());
        }
        self.pair.count(to, told);
        Ok(())
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

/// The bytes of a piece, if it is said to this side.
fn spoken<'a>(piece: &Piece, to: Side, from: Side, bytes: &'a [u8], plan: &'a Plan) -> Option<&'a [u8]> {
    match piece {
        Piece::Pass(range) => (to != from).then(|| bytes.get(range.clone()).unwrap_or_default()),
        Piece::Say(side, range) => (to == *side).then(|| plan.own(range.clone())),
    }
}

/// Whether the sides were told of the end in their own words, which a reset could overtake.
fn was_explained(ending: &Ending, freight: &Freight) -> bool {
    match ending {
        Ending::Idle
        | Ending::GatewayStopped
        | Ending::AgentRemoved
        | Ending::TargetRemoved
        | Ending::ResetByTarget
        | Ending::BrokenByAgent { .. }
        | Ending::BrokenByTarget { .. } => freight.is_understood(),
        Ending::Finished
        | Ending::ResetByAgent
        | Ending::ConnectTimedOut
        | Ending::ConnectFailed { .. }
        | Ending::LoginFailed { .. }
        | Ending::TargetLoginFailed { .. }
        | Ending::CancelPassedOn { .. }
        | Ending::NothingToCancel
        | Ending::Failed { .. } => false,
    }
}

fn watch(wanted: PollFlags, hung_up: bool) -> Option<PollFlags> {
    (!hung_up || !wanted.is_empty()).then_some(wanted)
}
