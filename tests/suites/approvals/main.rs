//! Statements that wait for people: an unmodified psql waits on the wire, somebody else answers.

mod answering;
mod leaving;
mod many;
mod stage;

use gateway_audit::approval::Step;

/// What a step is called, for comparisons.
fn name(step: &Step) -> &'static str {
    match step {
        Step::Asked { .. } => "asked",
        Step::Joined { .. } => "joined",
        Step::Approved { .. } => "approved",
        Step::Refused { .. } => "refused",
        Step::NotHeard { .. } => "not heard",
        Step::TimedOut => "timed out",
        Step::Withdrawn { .. } => "withdrawn",
        Step::Used { .. } => "used",
    }
}
