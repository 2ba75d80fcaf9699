//! What the target says, matched with what it was asked.
//!
//! An answer to nothing that was asked ends the connection: from then on it would not be known whose rows are whose.

use alloc::boxed::Box;
use core::ops::Range;

use gateway_policy::command::Said;
use gateway_policy::judge::Rows;

use super::awaited::{Awaited, What};
use super::forward::Forwarded;
use super::stream::Stream;
use super::{Copying, Heard, Postgres};
use crate::conversation::{Court, Needs, Plan, Taken};
use crate::postgres::backend::{self, Kind};
use crate::postgres::frame::{HEADER, Header};
use crate::postgres::refusal::Refusal;

mod ending;
mod failing;

const UNASKED: &str = "the target answered what was not asked";
const MALFORMED: &str = "the target sent a message that cannot be read";

/// What the target said so far to the command that it is at.
#[derive(Debug, Default)]
pub(super) struct Answer {
    rows: u64,
    bytes: u64,
    columns_known: bool,
    copying_out: bool,
    /// It has become too much, and what the agent hears of that.
    pub(super) over: Option<Box<Refusal>>,
}

impl Answer {
    pub(super) fn columns_are_known(&mut self) {
        self.columns_known = true;
    }

    pub(super) fn has_columns(&self) -> bool {
        self.columns_known
    }

    pub(super) fn count_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn count_row(&mut self, bytes: usize) {
        self.rows = self.rows.saturating_add(1);
        self.count_bytes(bytes);
    }
}

/// A message of the target that is there as a whole.
struct Message<'a> {
    kind: Kind,
    body: &'a [u8],
    part: Range<usize>,
}

impl Postgres {
    pub(super) fn take_from_target(
        &mut self,
        bytes: &[u8],
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Taken, &'static str> {
        let mut at = 0_usize;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            at = at.saturating_add(self.target.carry(at, rest.len(), plan));
            if !self.target.is_done() {
                return Ok(Taken { bytes: at, needs: Needs::Bytes(1) });
            }
            let rows = at..self.skip_rows(bytes, at);
            at = rows.end;
            plan.pass(rows);
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(header) = Header::read(rest).map_err(|_| MALFORMED)? else {
                return Ok(Taken { bytes: at, needs: Needs::Bytes(HEADER) });
            };
            match self.hear_target(header, rest, at, court, plan)? {
                Heard::Whole => at = at.saturating_add(header.whole()),
                Heard::Streams(stream) => self.target = stream,
                Heard::Needs(needs) => return Ok(Taken { bytes: at, needs }),
            }
        }
    }

    /// The end of the whole rows from `at` on, if rows are to come and stay as they are. This is where results spend
    /// their time.
    fn skip_rows(&mut self, bytes: &[u8], mut at: usize) -> usize {
        if self.forwarded().is_none_or(|it| it.rows() != Rows::AsTheyAre || it.is_bounded()) {
            return at;
        }
        while let Some(rest) = bytes.get(at..)
            && let Ok(Some(header)) = Header::read(rest)
            && header.kind == b'D'
            && header.whole() <= rest.len()
        {
            self.answer.count_row(header.whole());
            at = at.saturating_add(header.whole());
        }
        at
    }

    /// The command that the target is at, if it can have rows.
    pub(super) fn forwarded(&self) -> Option<Forwarded> {
        match self.awaited.front()?.what {
            What::Query { forwarded, .. } | What::Execute { forwarded, .. } => Some(forwarded),
            _ => None,
        }
    }

    fn hear_target(
        &mut self,
        header: Header,
        rest: &[u8],
        at: usize,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Heard, &'static str> {
        let kind = Kind::of(header.kind).ok_or("the target sent a message of a kind that is not known")?;
        let whole = header.whole();
        match kind {
            Kind::NoticeResponse | Kind::NotificationResponse => {
                return Ok(Heard::Streams(Stream::Pass(whole)));
            }
            Kind::ErrorResponse => return self.error(header, rest, court, plan),
            _ => (),
        }
        self.awaited.skip_copy_ends();
        if kind != Kind::ReadyForQuery && kind != Kind::ParameterStatus {
            self.awaited.skip_doubtful();
        }
        match kind {
            Kind::CopyData if self.answer.copying_out => {
                self.answer.count_row(whole);
                return Ok(Heard::Streams(self.bounded(whole, court)));
            }
            Kind::DataRow if self.forwarded().ok_or(UNASKED)?.rows() == Rows::AsTheyAre => {
                self.answer.count_row(whole);
                return Ok(Heard::Streams(self.bounded(whole, court)));
            }
            _ if whole > self.limits.message => {
                return Err("the target sent a message longer than the gateway reads");
            }
            _ => (),
        }
        let Some(body) = rest.get(HEADER..whole) else { return Ok(Heard::Needs(Needs::Bytes(whole))) };
        let message = Message { kind, body, part: at..at.saturating_add(whole) };
        self.answered(&message, court, plan)
    }

    fn bounded(&mut self, whole: usize, court: &mut dyn Court) -> Stream {
        if self.is_within_bounds(court) { Stream::Pass(whole) } else { Stream::Drop(whole) }
    }

    fn answered(
        &mut self,
        message: &Message<'_>,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Heard, &'static str> {
        let ends = matches!(message.kind, Kind::CommandComplete | Kind::PortalSuspended);
        if let Some(refusal) = self.answer.over.take_if(|_| ends) {
            return self.over_before_cancelled(&refusal, court, plan).map(|()| Heard::Whole);
        }
        match message.kind {
            Kind::DataRow => {
                self.answer.count_row(message.part.len());
                if !self.is_within_bounds(court) {
                    return Ok(Heard::Whole);
                }
                return self.show_row(message.body, message.part.clone(), court, plan);
            }
            Kind::ParameterStatus => {
                let (name, value) = backend::parameter_status(message.body).map_err(|_| MALFORMED)?;
                self.settings.reported(name, value).map_err(|_| "the target reports too many settings")?;
            }
            Kind::ReadyForQuery => self.ready(message.body)?,
            Kind::CommandComplete => self.complete(message.body, court)?,
            Kind::EmptyQueryResponse => {
                let forwarded = self.forwarded().ok_or(UNASKED)?;
                self.end_of(forwarded.command(), Said::Done(""), court);
                self.pop_execute();
            }
            Kind::PortalSuspended => {
                let Some(What::Execute { forwarded, .. }) = self.what() else { return Err(UNASKED) };
                let command = forwarded.command();
                self.suspend()?;
                self.end_of(command, Said::Suspended, court);
                self.awaited.pop();
            }
            Kind::ParseComplete | Kind::BindComplete | Kind::CloseComplete => {
                self.step_done(message.kind, court)?
            }
            Kind::ParameterDescription | Kind::RowDescription | Kind::NoData => {
                if let Shape::Own = self.described(message, court)? {
                    return Ok(Heard::Whole);
                }
            }
            Kind::CopyInResponse | Kind::CopyOutResponse | Kind::CopyBothResponse | Kind::CopyDone => {
                self.copying(message.kind)?;
                if self.answer.over.is_some() {
                    return Ok(Heard::Whole);
                }
            }
            Kind::CopyData | Kind::ErrorResponse | Kind::NoticeResponse | Kind::NotificationResponse => {
                return Err(UNASKED);
            }
        }
        plan.pass(message.part.clone());
        Ok(Heard::Whole)
    }

    fn what(&self) -> Option<&What> {
        self.awaited.front().map(|awaited| &awaited.what)
    }

    fn step_done(&mut self, kind: Kind, court: &mut dyn Court) -> Result<(), &'static str> {
        let Some(Awaited { sent, what }) = self.awaited.pop() else { return Err(UNASKED) };
        match (kind, what) {
            (Kind::ParseComplete, What::Parse { name, forwarded }) => {
                self.statements.confirm(&name, sent.sequence);
                self.end_of(forwarded.command(), Said::Prepared, court);
            }
            (Kind::BindComplete, What::Bind { name, .. }) => self.portals.confirm(&name, sent.sequence),
            (Kind::CloseComplete, What::CloseStatement(name)) => self.statements.forget(&name, sent.sequence),
            (Kind::CloseComplete, What::ClosePortal(name)) => self.portals.forget(&name, sent.sequence),
            _ => return Err(UNASKED),
        }
        Ok(())
    }

    fn described(&mut self, message: &Message<'_>, court: &mut dyn Court) -> Result<Shape, &'static str> {
        match (message.kind, self.what()) {
            (Kind::ParameterDescription, Some(What::DescribeStatement)) => {
                if let Some(described) = self.awaited.front_mut() {
                    described.what = What::Columns;
                }
            }
            (Kind::RowDescription | Kind::NoData, Some(What::Columns)) => {
                self.awaited.pop();
            }
            (Kind::RowDescription, Some(What::OwnColumns(forwarded))) => {
                let command = forwarded.command();
                self.show_columns(command, message.body, court)?;
                self.awaited.pop();
                return Ok(Shape::Own);
            }
            (Kind::NoData, Some(What::OwnColumns(_))) => {
                self.awaited.pop();
                return Ok(Shape::Own);
            }
            (Kind::RowDescription, Some(What::Query { forwarded, .. })) => {
                if forwarded.rows() == Rows::Shown {
                    let command = forwarded.command();
                    self.show_columns(command, message.body, court)?;
                }
            }
            _ => return Err(UNASKED),
        }
        Ok(Shape::Agents)
    }

    fn copying(&mut self, kind: Kind) -> Result<(), &'static str> {
        let forwarded = self.forwarded().ok_or(UNASKED)?;
        match kind {
            Kind::CopyInResponse => {
                let ended = self.awaited.doubt_syncs_of_copy();
                if !ended && self.copy == Copying::No {
                    self.copy = Copying::In;
                }
            }
            Kind::CopyOutResponse if forwarded.rows() == Rows::AsTheyAre => self.answer.copying_out = true,
            Kind::CopyBothResponse if forwarded.rows() == Rows::AsTheyAre => {
                self.answer.copying_out = true;
                self.copy = Copying::Both;
            }
            Kind::CopyOutResponse | Kind::CopyBothResponse => {
                return Err("values of a copy cannot be shown one by one");
            }
            Kind::CopyDone if self.answer.copying_out => self.answer.copying_out = false,
            _ => return Err(UNASKED),
        }
        Ok(())
    }
}

/// Whose question was answered.
enum Shape {
    Agents,
    Own,
}
