//! Why a connection cannot go on, what its sides are told of that, and what the record says.

use gateway_audit::event::Ending;
use gateway_protocols::conversation::{Parting, Plan, Side, Unrecorded};

use super::Carriage;
use crate::relay::freight::Freight;
use crate::relay::pair::Cut;
use crate::relay::party::Failure;

/// Why a connection cannot go on.
pub(super) enum Stop {
    Failed(Side, Failure),
    Cut(Cut),
    Broken(Side, &'static str),
    Unrecorded(Unrecorded),
}

impl Carriage {
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

    pub(super) fn stop(&mut self, stop: Stop, plan: &mut Plan) -> Ending {
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
    pub(super) fn part(&mut self, because: Parting, plan: &mut Plan) {
        self.freight.part(because, plan);
        for to in [Side::Target, Side::Agent] {
            let _ = self.carry_out_to(to, to.other(), &[], plan);
        }
    }
}

/// Whether the sides were told of the end in their own words, which a reset could overtake.
fn was_explained(ending: &Ending, freight: &Freight) -> bool {
    match ending {
        Ending::Idle
        | Ending::GatewayDied
        | Ending::GatewayStopped
        | Ending::AgentRemoved
        | Ending::TargetRemoved
        | Ending::AgentLeft
        | Ending::LeaseEnded
        | Ending::Killed
        | Ending::IdentityEnded
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
        | Ending::HoldCancelled { .. }
        | Ending::NothingToCancel
        | Ending::NotLeased { .. }
        | Ending::Failed { .. } => false,
    }
}
