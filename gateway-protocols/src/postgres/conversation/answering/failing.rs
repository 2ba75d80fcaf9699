//! Errors of the target, and what they make it skip.

use alloc::boxed::Box;

use gateway_policy::command::Said;
use gateway_policy::judge::Denial;

use super::super::awaited::{Awaited, What};
use super::super::forward::Forwarded;
use super::super::mark;
use super::super::stream::Stream;
use super::super::{Copying, Heard, Postgres};
use super::Answer;
use crate::conversation::{CommandNumber, Court, Needs, Plan, Side};
use crate::postgres::backend::ErrorFields;
use crate::postgres::frame::{HEADER, Header};
use crate::postgres::refusal::{Code, Refusal};

/// So much of an error is enough to see its code and whether it is the failure of a refused message.
const LOOKED_AT: usize = 1024;
/// What a statement fails with that was cancelled.
const CANCELLED: &str = "57014";

impl Postgres {
    pub(super) fn error(
        &mut self,
        header: Header,
        rest: &[u8],
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Heard, &'static str> {
        let whole = header.whole();
        let looked_at = whole.min(LOOKED_AT);
        let Some(body) = rest.get(HEADER..looked_at) else {
            return Ok(Heard::Needs(Needs::Bytes(looked_at)));
        };
        let command = self.forwarded().map(Forwarded::command);
        let error = ErrorFields::new(body);
        let over = self.answer.over.take();
        let cancelled = error.code() == Some(CANCELLED);
        let overtime = command.filter(|_| cancelled).and_then(|command| court.overtime(command));
        let bound = over.or_else(|| overtime.map(|denial| Box::new(overdue(denial))));
        match self.failed(error, court).or(bound) {
            Some(refusal) => {
                plan.say(Side::Agent, |out| refusal.write(out));
                Ok(Heard::Streams(Stream::Drop(whole)))
            }
            None => {
                self.farewell_said |= error.is_fatal();
                Ok(Heard::Streams(Stream::Pass(whole)))
            }
        }
    }

    /// Takes note of a failure. Returns the refusal if it is what the target says to one.
    fn failed(&mut self, error: ErrorFields<'_>, court: &mut dyn Court) -> Option<Box<Refusal>> {
        self.awaited.skip_copy_ends();
        self.awaited.skip_doubtful_before_others();
        let message = error.message().unwrap_or_default();
        let mut instead = None;
        if let Some(refused) = self.refused_copy.take_if(|refused| mark::is_in(message, refused.number)) {
            instead = Some(refused.refusal);
        }
        self.copy = Copying::No;
        let Awaited { sent, what } = self.awaited.pop()?;
        let code = error.code().unwrap_or_default();
        match what {
            What::Sync | What::DoubtfulSync => {
                self.awaited.push_front(sent, what);
                return instead;
            }
            What::Query { forwarded, .. } => {
                self.end_of(forwarded.command(), Said::Failed(code), court);
                self.awaited.push_front(sent, What::Sync);
                return instead;
            }
            What::RefusedQuery(refused) => {
                self.awaited.push_front(sent, What::Sync);
                return mark::is_in(message, refused.number).then_some(refused.refusal).or(instead);
            }
            What::RefusedStep(refused) if mark::is_in(message, refused.number) => {
                instead = Some(refused.refusal)
            }
            failed => {
                self.withdraw(&failed, sent.sequence);
                if let Some(command) = failed.command() {
                    self.end_of(command, Said::Failed(code), court);
                }
            }
        }
        self.skip_batch(court);
        instead
    }

    /// The target skips what follows up to a Sync, whether it was sent already or comes later.
    fn skip_batch(&mut self, court: &mut dyn Court) {
        self.answer = Answer::default();
        let mut told = None;
        while let Some(awaited) = self.awaited.front() {
            if matches!(awaited.what, What::Sync | What::DoubtfulSync) {
                return;
            }
            let Some(Awaited { sent, what }) = self.awaited.pop() else { return };
            self.withdraw(&what, sent.sequence);
            if let Some(command) = what.command().filter(|command| told != Some(*command)) {
                self.end_of(command, Said::Skipped, court);
                told = Some(command);
            }
        }
        self.discarding = true;
    }

    fn withdraw(&mut self, what: &What, sequence: u64) {
        match what {
            What::Parse { name, .. } => self.statements.withdraw(name, sequence),
            What::Bind { name, .. } => self.portals.withdraw(name, sequence),
            _ => (),
        }
    }

    /// The connection ended before anything else was answered.
    pub(in super::super) fn nothing_more_is_answered(&mut self, court: &mut dyn Court) {
        let mut told = None;
        while let Some(Awaited { what, .. }) = self.awaited.pop() {
            if let Some(command) = what.command().filter(|command| told != Some(*command)) {
                self.end_of(command, Said::Nothing, court);
                told = Some(command);
            }
        }
    }
}

/// In the words that PostgreSQL has for a statement that takes too long.
fn overdue(denial: Denial) -> Refusal {
    Refusal { code: Code::QueryCanceled, ..Refusal::from(denial) }
}

impl What {
    /// The command that ends when this is answered.
    fn command(&self) -> Option<CommandNumber> {
        match self {
            Self::Query { forwarded, .. }
            | Self::Parse { forwarded, .. }
            | Self::Bind { forwarded, .. }
            | Self::Execute { forwarded, .. } => Some(forwarded.command()),
            _ => None,
        }
    }
}
