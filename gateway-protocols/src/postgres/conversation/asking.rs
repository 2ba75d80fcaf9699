//! What the agent says.

use alloc::string::String;
use core::ops::Range;

use super::awaited::What;
use super::stream::Stream;
use super::{Copying, Flush, Heard, Postgres};
use crate::conversation::{Court, Needs, Plan, Side, Taken};
use crate::postgres::frame::{HEADER, Header, Malformed};
use crate::postgres::frontend::{self, Kind, Named};
use crate::postgres::refusal::{self, Code, Refusal};

use super::judging::Objection;

/// The longest message of a kind that is never long. PostgreSQL has the same limit.
const SHORT: usize = 10_000;

/// A message that is there as a whole.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) kind: Kind,
    pub(super) body: &'a [u8],
    /// Where it lies in what was shown.
    pub(super) part: Range<usize>,
}

impl Postgres {
    pub(super) fn take_from_agent(
        &mut self,
        bytes: &[u8],
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Taken, &'static str> {
        if self.terminated {
            return Ok(Taken { bytes: bytes.len(), needs: Needs::Bytes(1) });
        }
        let mut at = 0_usize;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            at = at.saturating_add(self.agent.carry(at, rest.len(), plan));
            if !self.agent.is_done() {
                return Ok(Taken { bytes: at, needs: Needs::Bytes(1) });
            }
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(header) = Header::read(rest).map_err(|_| "a message has an impossible length")? else {
                return Ok(Taken { bytes: at, needs: Needs::Bytes(HEADER) });
            };
            match self.hear_agent(header, rest, at, court, plan)? {
                Heard::Whole => at = at.saturating_add(header.whole()),
                Heard::Streams(stream) => self.agent = stream,
                Heard::Needs(needs) => return Ok(Taken { bytes: at, needs }),
            }
            if self.terminated {
                return Ok(Taken { bytes: bytes.len(), needs: Needs::Bytes(1) });
            }
        }
    }

    fn hear_agent(
        &mut self,
        header: Header,
        rest: &[u8],
        at: usize,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Heard, &'static str> {
        let kind = Kind::of(header.kind).ok_or("a message is of a kind that is not known")?;
        let whole = header.whole();
        if !kind.may_be_long() && header.body > SHORT {
            return Err("a message is longer than its kind ever is");
        }
        let ends_discarding = matches!(kind, Kind::Sync | Kind::Flush | Kind::Terminate);
        if self.discarding && !ends_discarding {
            return Ok(Heard::Streams(Stream::Drop(whole)));
        }
        if kind == Kind::CopyData {
            return Ok(Heard::Streams(self.copy_data(whole, court, plan)));
        }
        if whole > self.limits.message {
            let refusal =
                Refusal::error(Code::ProgramLimitExceeded, "the message is longer than the gateway reads");
            self.refuse(kind, &Objection::Unjudged(refusal), court, plan);
            return Ok(Heard::Streams(Stream::Drop(whole)));
        }
        let Some(body) = rest.get(HEADER..whole) else { return Ok(Heard::Needs(Needs::Bytes(whole))) };
        if self.must_wait(kind) {
            return self.hold(plan);
        }
        let message = Message { kind, body, part: at..at.saturating_add(whole) };
        self.hear_message(&message, court, plan)
    }

    fn hear_message(
        &mut self,
        message: &Message<'_>,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Heard, &'static str> {
        let heard = match message.kind {
            Kind::Query => self.query(message, court, plan),
            Kind::Parse => self.parse(message, court, plan),
            Kind::Bind => self.bind(message, court, plan),
            Kind::Execute => self.execute(message, court, plan),
            Kind::Describe => self.describe(message, plan),
            Kind::Close => self.close(message, plan),
            Kind::FunctionCall => Err(Objection::Unjudged(Refusal::error(
                Code::InsufficientPrivilege,
                "functions cannot be called by message; SELECT calls them",
            ))),
            Kind::Flush | Kind::Sync | Kind::CopyDone | Kind::Terminate if !message.body.is_empty() => {
                return Err("a message goes on behind its end");
            }
            Kind::Flush => {
                plan.pass(message.part.clone());
                self.flush = Flush::ByAgent;
                Ok(())
            }
            Kind::Sync => {
                self.sync(message, plan);
                Ok(())
            }
            Kind::CopyDone | Kind::CopyFail => {
                self.end_copy(message, plan);
                Ok(())
            }
            Kind::Terminate => {
                plan.pass(message.part.clone());
                self.terminated = true;
                Ok(())
            }
            Kind::CopyData => Ok(()),
        };
        match heard {
            Ok(()) => Ok(Heard::Whole),
            Err(Objection::Wait) => self.hold(plan),
            Err(Objection::Held(notice)) => self.await_ruling(notice, plan),
            Err(objection) => {
                self.refuse(message.kind, &objection, court, plan);
                Ok(Heard::Whole)
            }
        }
    }

    fn describe(&mut self, message: &Message<'_>, plan: &mut Plan) -> Result<(), Objection> {
        let what = match self.named(message.body)? {
            Named::Statement(_) => What::DescribeStatement,
            Named::Portal(_) => What::Columns,
        };
        plan.pass(message.part.clone());
        self.expect(what);
        Ok(())
    }

    fn close(&mut self, message: &Message<'_>, plan: &mut Plan) -> Result<(), Objection> {
        let what = match self.named(message.body)? {
            Named::Statement(name) => What::CloseStatement(name.into()),
            Named::Portal(name) => What::ClosePortal(name.into()),
        };
        plan.pass(message.part.clone());
        self.expect(what);
        Ok(())
    }

    fn named<'a>(&self, body: &'a [u8]) -> Result<Named<'a>, Objection> {
        let named = Named::read(body).map_err(malformed)?;
        let (Named::Statement(name) | Named::Portal(name)) = named;
        fits(name)?;
        Ok(named)
    }

    fn sync(&mut self, message: &Message<'_>, plan: &mut Plan) {
        plan.pass(message.part.clone());
        self.discarding = false;
        self.expect(if self.copy == Copying::In { What::DoubtfulSync } else { What::Sync });
        self.end_batch();
    }

    /// Data of a copy goes on as it comes. If no copy is under way, the target drops it.
    fn copy_data(&mut self, whole: usize, court: &mut dyn Court, plan: &mut Plan) -> Stream {
        if self.copy != Copying::Refused && whole > self.limits.message {
            self.refuse_copy(court, plan);
        }
        if self.copy == Copying::Refused {
            return Stream::Drop(whole);
        }
        if self.copy == Copying::In {
            self.answer.count_bytes(whole);
        }
        Stream::Pass(whole)
    }

    fn end_copy(&mut self, message: &Message<'_>, plan: &mut Plan) {
        if self.copy == Copying::Refused {
            self.copy = Copying::No;
            return;
        }
        plan.pass(message.part.clone());
        self.copy = Copying::No;
        if !self.awaited.is_empty() {
            self.expect(What::CopyEnd);
        }
    }

    /// Notes that something went on whose answer is to come.
    pub(super) fn expect(&mut self, what: What) {
        self.awaited.push(self.next, what);
        self.next.sequence = self.next.sequence.saturating_add(1);
        self.flush = Flush::NotAsked;
    }

    /// A message went on that the target answers at once, with all that came before. What comes now does not depend
    /// on that.
    pub(super) fn end_batch(&mut self) {
        self.flush = Flush::Implied;
        self.next.batch = self.next.batch.saturating_add(1);
    }

    /// Whether the agent waits for answers, or has to from now on as too much is unanswered.
    fn must_wait(&mut self, kind: Kind) -> bool {
        let ends_copy = matches!(self.copy, Copying::In | Copying::Both)
            && matches!(kind, Kind::CopyDone | Kind::CopyFail);
        if ends_copy || matches!(kind, Kind::Flush | Kind::Terminate) {
            return false;
        }
        self.held = (self.held && !self.awaited.is_settled()) || self.awaited.len() >= self.limits.unanswered;
        self.held
    }

    /// Lets the agent wait until people have answered. What it asked before is answered meanwhile.
    fn await_ruling(&mut self, notice: Option<String>, plan: &mut Plan) -> Result<Heard, &'static str> {
        if self.copy == Copying::In {
            return Err("a copy was not ended before the next command");
        }
        if self.flush == Flush::NotAsked && !self.awaited.is_empty() {
            plan.say(Side::Target, frontend::flush);
            self.flush = Flush::ByUs;
        }
        if let Some(notice) = notice
            && self.target.is_between_messages()
        {
            plan.say(Side::Agent, |out| refusal::notice(out, &notice));
        }
        Ok(Heard::Needs(Needs::Ruling))
    }

    /// Lets the agent wait until everything is answered, and sees to it that it will be.
    fn hold(&mut self, plan: &mut Plan) -> Result<Heard, &'static str> {
        if matches!(self.copy, Copying::In | Copying::Both) {
            return Err("a copy was not ended before the next command");
        }
        self.held = true;
        if self.flush == Flush::NotAsked {
            plan.say(Side::Target, frontend::flush);
            self.flush = Flush::ByUs;
        }
        Ok(Heard::Needs(Needs::OtherSide))
    }
}

pub(super) fn malformed(_: Malformed) -> Objection {
    Objection::Unjudged(Refusal::error(Code::ProtocolViolation, "the message is malformed"))
}

/// Names must be what the target takes them for.
pub(super) fn fits(name: &[u8]) -> Result<(), Objection> {
    if name.len() <= super::names::LONGEST {
        return Ok(());
    }
    Err(Objection::Unjudged(Refusal::error(
        Code::NameTooLong,
        "names of statements and portals can have 63 bytes",
    )))
}
