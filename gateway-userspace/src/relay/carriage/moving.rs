//! How bytes get from one side to the other.

use std::io::IoSlice;
use std::sync::Arc;

use gateway_protocols::conversation::{Parting, Piece, Plan, Side, Taken};

use super::Carriage;
use super::ending::Stop;
use crate::relay::desk::Desk;
use crate::relay::party::Says;
use crate::relay::wire::Patience;

/// Reads from one side before the other gets its turn.
const TURN: usize = 16;
/// Parts that one write takes along.
const PARTS: usize = 32;

/// What one side's bytes need before they can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Turn,
    /// More than there was.
    Bytes,
    /// Anything at all.
    Word,
    Room,
    Nothing,
}

impl Carriage {
    pub(super) fn catch_up(&mut self) -> Result<(), Stop> {
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

    pub(super) fn move_from(&mut self, side: Side, desk: &mut Desk) -> Result<Need, Stop> {
        for _ in 0..TURN {
            let need = self.fetch(side, desk, Patience::None)?;
            if need != Need::Turn {
                return Ok(need);
            }
        }
        Ok(Need::Turn)
    }

    pub(super) fn fetch(&mut self, from: Side, desk: &mut Desk, patience: Patience) -> Result<Need, Stop> {
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
    pub(super) fn hear_the_end(&mut self, from: Side, plan: &mut Plan) -> Result<Need, Stop> {
        if let Some(cut) = self.pair.was_cut() {
            return Err(Stop::Cut(cut));
        }
        self.party_mut(from).fall_silent();
        match from {
            Side::Target => self.part(Parting::TargetGone, plan),
            Side::Agent if self.freight.is_understood() => self.pair.agent_leaves(),
            Side::Agent => (),
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

    pub(super) fn carry_out_to(
        &mut self,
        to: Side,
        from: Side,
        bytes: &[u8],
        plan: &Plan,
    ) -> Result<(), Stop> {
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
}

/// The bytes of a piece, if it is said to this side.
fn spoken<'a>(piece: &Piece, to: Side, from: Side, bytes: &'a [u8], plan: &'a Plan) -> Option<&'a [u8]> {
    match piece {
        Piece::Pass(range) => (to != from).then(|| bytes.get(range.clone()).unwrap_or_default()),
        Piece::Say(side, range) => (to == *side).then(|| plan.own(range.clone())),
    }
}
