//! Results that grow beyond what their permit allows.
//!
//! What is too much does not go on to the agent. The session has the command cancelled; whether the target says that it
//! was, or that it had ended before, the agent hears of the bound in that place, and the connection goes on.

use alloc::boxed::Box;
use alloc::format;

use gateway_policy::command::Said;
use gateway_policy::judge::Settings as Effect;
use gateway_policy::limits::{Bound, Most};

use super::Postgres;
use super::awaited::{Awaited, What};
use crate::conversation::{CommandNumber, Court, Plan, Side};
use crate::postgres::refusal::{Code, Refusal};

/// Results that may be fetched in parts at a time.
const SUSPENDED: usize = 4096;

const UNASKED: &str = "the target answered what was not asked";

/// How much of a result was fetched in earlier parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspended {
    command: CommandNumber,
    rows: u64,
    bytes: u64,
}

impl Postgres {
    /// Whether what was just counted may still go on.
    pub(super) fn is_within_bounds(&mut self, court: &mut dyn Court) -> bool {
        let Some(forwarded) = self.forwarded().filter(|forwarded| forwarded.is_bounded()) else {
            return true;
        };
        if self.answer.over.is_some() {
            return false;
        }
        let command = forwarded.command();
        let earlier = self.suspended.iter().find(|suspended| suspended.command == command);
        let (rows, bytes) = earlier.map_or((0, 0), |suspended| (suspended.rows, suspended.bytes));
        let most = forwarded.most();
        let bound = most
            .exceeded_by(rows.saturating_add(self.answer.rows()), bytes.saturating_add(self.answer.bytes()));
        let Some(bound) = bound else { return true };
        court.exceeded(command, bound);
        self.answer.over = Some(Box::new(refusal(bound, most)));
        false
    }

    /// There is more of a result; what was fetched of it counts.
    pub(super) fn suspend(&mut self) -> Result<(), &'static str> {
        let Some(forwarded) = self.forwarded().filter(|forwarded| forwarded.is_bounded()) else {
            return Ok(());
        };
        let (command, rows, bytes) = (forwarded.command(), self.answer.rows(), self.answer.bytes());
        let full = self.suspended.len() >= SUSPENDED;
        match self.suspended.iter_mut().find(|suspended| suspended.command == command) {
            Some(earlier) => {
                earlier.rows = earlier.rows.saturating_add(rows);
                earlier.bytes = earlier.bytes.saturating_add(bytes);
            }
            None if full => {
                return Err("too many results are fetched in parts at a time");
            }
            None => self.suspended.push(Suspended { command, rows, bytes }),
        }
        Ok(())
    }

    /// The target had answered all before it could be cancelled. For the agent it has failed all the same.
    pub(super) fn over_before_cancelled(
        &mut self,
        refusal: &Refusal,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<(), &'static str> {
        self.copy_ended();
        let forwarded = self.forwarded().ok_or(UNASKED)?;
        if forwarded.settings() == Effect::Changed {
            self.settings.changed_unseen();
        }
        self.end_of(forwarded.command(), Said::Failed(refusal.code.sqlstate()), court);
        let Some(Awaited { sent, what }) = self.awaited.pop() else { return Err(UNASKED) };
        plan.say(Side::Agent, |out| refusal.write(out));
        match (what, self.awaited.front().map(|awaited| &awaited.what)) {
            // What else the message asks for would come after an error; then the connection ends.
            (What::Query { .. }, _) => self.awaited.push_front(sent, What::Sync),
            (_, Some(What::Sync | What::DoubtfulSync)) => (),
            (_, None) => self.discarding = true,
            (_, Some(_)) => return Err("a bound was reached before other commands that were sent with it"),
        }
        Ok(())
    }
}

fn refusal(bound: Bound, most: Most) -> Refusal {
    let message = match bound {
        Bound::Rows => format!("the result has more than {} rows, and no more are allowed", most.rows),
        Bound::Bytes => format!("the result has more than {} bytes, and no more are allowed", most.bytes),
    };
    Refusal::error(Code::ProgramLimitExceeded, message).with_hint("Ask for less, with a condition or LIMIT.")
}
