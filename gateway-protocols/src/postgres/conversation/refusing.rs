//! How a message that does not go on is answered in its place.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;

use super::awaited::{Refused, What};
use super::judging::Objection;
use super::{Copying, Postgres, mark};
use crate::conversation::{Court, Plan, Side};
use crate::postgres::frontend::Kind;
use crate::postgres::refusal::{Code, Refusal};

impl Postgres {
    /// Replaces a message by one that fails in the same way of speaking.
    pub(super) fn refuse(
        &mut self,
        kind: Kind,
        objection: &Objection,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) {
        let refusal = match objection {
            Objection::Wait | Objection::Held(_) => return,
            Objection::Denied(refusal) => refusal,
            Objection::Unjudged(refusal) => {
                court.refused(&refusal.message);
                refusal
            }
        };
        let refused = self.refused(refusal.to_owned());
        let number = refused.number;
        if matches!(kind, Kind::Query | Kind::FunctionCall) {
            plan.say(Side::Target, |out| mark::query(out, number));
            self.expect(What::RefusedQuery(refused));
            self.end_batch();
        } else {
            plan.say(Side::Target, |out| mark::execute(out, number));
            self.expect(What::RefusedStep(refused));
            self.discarding = true;
        }
    }

    /// Ends a copy whose data cannot be taken.
    pub(super) fn refuse_copy(&mut self, court: &mut dyn Court, plan: &mut Plan) {
        let refusal = Refusal::error(
            Code::ProgramLimitExceeded,
            "a message of the copy is longer than the gateway reads",
        );
        court.refused(&refusal.message);
        let refused = self.refused(refusal);
        plan.say(Side::Target, |out| mark::copy_fail(out, refused.number));
        self.refused_copy = Some(refused);
        self.copy = Copying::Refused;
        if !self.awaited.is_empty() {
            self.expect(What::CopyEnd);
        }
    }

    fn refused(&mut self, refusal: Refusal) -> Refused {
        self.refusals = self.refusals.saturating_add(1);
        Refused { number: self.refusals, refusal: Box::new(refusal) }
    }
}
