//! How commands and batches end well, and what that changes.

use alloc::boxed::Box;

use gateway_policy::command::{Outcome, Said, Transaction};
use gateway_policy::judge::Settings as Effect;

use super::super::Postgres;
use super::super::awaited::{Awaited, What};
use super::super::names::Sent;
use super::{Answer, MALFORMED, UNASKED};
use crate::conversation::{CommandNumber, Court};
use crate::postgres::backend;

impl Postgres {
    pub(super) fn ready(&mut self, body: &[u8]) -> Result<(), &'static str> {
        let transaction = backend::ready_for_query(body).map_err(|_| MALFORMED)?;
        let sent = match self.awaited.front() {
            Some(Awaited { what: What::Query { .. } | What::Sync | What::DoubtfulSync, sent }) => *sent,
            // One too many, if a Sync was in doubt.
            None => {
                self.settings.transaction(transaction);
                return Ok(());
            }
            Some(_) => return Err(UNASKED),
        };
        if let Some(Awaited { what: What::DoubtfulSync, .. }) = self.awaited.pop() {
            self.awaited.doubt_next_sync();
        }
        self.batch_ended(sent, transaction);
        Ok(())
    }

    pub(super) fn batch_ended(&mut self, sent: Sent, transaction: Transaction) {
        self.settings.transaction(transaction);
        self.answer = Answer::default();
        if self.unsettled.is_some_and(|batch| batch <= sent.batch) {
            self.unsettled = None;
        }
        if transaction == Transaction::None {
            self.suspended.clear();
            self.portals.forget_all(sent.sequence);
        }
    }

    pub(super) fn complete(&mut self, body: &[u8], court: &mut dyn Court) -> Result<(), &'static str> {
        let tag = backend::tag(body).map_err(|_| MALFORMED)?;
        let Some(Awaited { sent, what }) = self.awaited.front_mut() else { return Err(UNASKED) };
        let (What::Query { forwarded, deallocates } | What::Execute { forwarded, deallocates }) = what else {
            return Err(UNASKED);
        };
        let (sent, forwarded) = (*sent, *forwarded);
        let deallocates = if tag == "DEALLOCATE" { deallocates.take() } else { None };
        self.note_tag(tag, sent, deallocates);
        // Under the name of a statement that was dropped, SQL may have prepared another one that was not judged so.
        let drops = matches!(tag, "DEALLOCATE" | "DEALLOCATE ALL" | "DISCARD ALL");
        if drops && self.awaited.to_be_bound().any(|parsed| !self.statements.has(parsed)) {
            return Err("a prepared statement was dropped while it was used");
        }
        if forwarded.settings() == Effect::Changed {
            self.settings.changed_unseen();
        }
        self.end_of(forwarded.command(), Said::Done(tag), court);
        if tag.starts_with("COPY") {
            self.copy_ended();
        }
        self.pop_execute();
        Ok(())
    }

    /// What a command that succeeded did to names and settings.
    pub(super) fn note_tag(&mut self, tag: &str, sent: Sent, deallocates: Option<Box<[u8]>>) {
        match tag {
            "SET" | "RESET" => self.settings.changed_unseen(),
            "DEALLOCATE" => match deallocates {
                Some(name) => self.statements.forget(&name, sent.sequence),
                // It is not known which.
                None => self.statements.forget_named(sent.sequence),
            },
            "DEALLOCATE ALL" => self.statements.forget_all(sent.sequence),
            "DISCARD ALL" => {
                self.settings.changed_unseen();
                self.statements.forget_all(sent.sequence);
                self.portals.forget_all(sent.sequence);
            }
            // From here on a name may be that of another cursor than the one that was bound.
            "DECLARE CURSOR" => self.portals.forget_named(sent.sequence),
            _ => (),
        }
    }

    pub(in super::super) fn copy_ended(&mut self) {
        let behind = match self.what() {
            Some(What::Query { .. } | What::Execute { .. }) => 1,
            _ => 0,
        };
        self.awaited.drop_syncs_of_copy(behind);
    }

    /// An Execute has one answer; a Query goes on until ReadyForQuery.
    pub(super) fn pop_execute(&mut self) {
        if matches!(self.what(), Some(What::Execute { .. })) {
            self.awaited.pop();
        }
    }

    pub(in super::super) fn end_of(&mut self, command: CommandNumber, said: Said<'_>, court: &mut dyn Court) {
        let answer = core::mem::take(&mut self.answer);
        court.ended(command, &Outcome { said, rows: answer.rows, bytes: answer.bytes });
    }
}
