//! What a connection is once it is understood: who speaks, what may run, and what is kept of it.

mod bounds;
pub mod judging;
pub mod postgres;
pub mod record;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use gateway_audit::event::{Connection, Event};
use gateway_audit::session::{self as told, CommandJudged, LimitReached, MessageRefused, OfSession};
use gateway_audit::visible::shortened;
use gateway_policy::approval::{Hold, NotApproved};
use gateway_policy::command::{Command, Outcome, Said, Stage, Transaction};
use gateway_policy::judge::{Because, Denial, Verdict};
use gateway_policy::limits::{Bound, Limits};
use gateway_protocols::conversation::{CommandNumber, Court, Ruling, Unrecorded};

use crate::approvals::counter::{AskedAbout, Counter, Heard};
use crate::audit::{Book, Durability, RecordError};
use crate::random;
use crate::report::one_line;
use bounds::{Overseer, Place, Summons};
use humantime::format_duration;
use judging::Judge;

/// Lines that may wait to be written with others.
const KEPT_BACK: usize = 64 * 1024;
/// Commands under way whose beginnings are remembered. Those that are too many tell no duration.
const UNDER_WAY: usize = 1024;

/// Commands of a transaction that people are shown, and how much of each.
const REMEMBERED: usize = 20;
const REMEMBERED_TEXT: usize = 300;

/// What a session is called: in records, and towards the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId(String);

impl SessionId {
    pub fn new() -> io::Result<Self> {
        let bytes = random::bytes::<8>()?;
        Ok(Self(format!("{:016x}", u64::from_be_bytes(*bytes))))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An agent's talk with a target: it judges each command, and keeps the record.
///
/// It is used by one thread at a time, which writes the records itself: a line stands in the session's book before the
/// command that it tells of goes on. Lines that hold nobody back are kept until there is another to be written with them.
#[derive(Debug)]
pub struct Session {
    of: OfSession,
    book: Arc<Book>,
    judge: Judge,
    commands: u64,
    under_way: VecDeque<(CommandNumber, Instant)>,
    left: Left,
    /// Of the statements that may run only so many at a time.
    places: VecDeque<(CommandNumber, Place)>,
    /// How long commands under way may take, where that is bounded.
    timed: VecDeque<(CommandNumber, Duration)>,
    overseer: Overseer,
    asked_to_cancel: bool,
    /// Where people are asked.
    counter: Option<Counter>,
    /// What its transaction has run so far.
    transaction: VecDeque<String>,
}

/// What a session that is over leaves at its target.
#[derive(Debug, Clone, Default)]
pub struct Left(Arc<AtomicBool>);

impl Left {
    /// Whether a command went on that the target had not answered when the connection ended.
    pub fn something_runs(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl Session {
    pub fn new(id: &SessionId, connection: &Connection, book: Arc<Book>, judge: Judge) -> Self {
        let of = of_session(id, connection);
        Self {
            of,
            book,
            judge,
            commands: 0,
            under_way: VecDeque::new(),
            left: Left::default(),
            places: VecDeque::new(),
            timed: VecDeque::new(),
            overseer: Overseer::default(),
            asked_to_cancel: false,
            counter: None,
            transaction: VecDeque::new(),
        }
    }

    /// With people to ask.
    pub fn with_counter(self, counter: Counter) -> Self {
        Self { counter: Some(counter), ..self }
    }

    fn number(&mut self) -> CommandNumber {
        self.commands += 1;
        CommandNumber(self.commands)
    }

    /// Asks people, or looks whether they have answered.
    fn ask(&mut self, hold: Hold, command: &Command<'_>) -> Result<Ruling, Unrecorded> {
        let Some(mut counter) = self.counter.take() else {
            let refused = hold.refused(NotApproved::NotKept, None, None);
            let number = self.number();
            return self.rule(number, command, Verdict::Deny(refused));
        };
        let number = counter.number().unwrap_or_else(|| self.number());
        let asked =
            AskedAbout { number, of: &self.of, command, judge: &self.judge, transaction: &self.transaction };
        let heard = counter.hear(hold, &asked);
        self.counter = Some(counter);
        match heard {
            Heard::Wait(hold) => Ok(Ruling { command: number, verdict: Verdict::Hold(hold) }),
            Heard::No(denial) => self.rule(number, command, Verdict::Deny(denial)),
            Heard::Go { permit, event } => {
                self.keep_back(&Event::Approval(event), Durability::Durable)?;
                let verdict = match self.judge.approved(permit, command) {
                    Ok(permit) => Verdict::Allow(permit),
                    Err(denial) => Verdict::Deny(denial),
                };
                self.rule(number, command, verdict)
            }
        }
    }

    /// Gives an answer, once it stands in the records.
    fn rule(
        &mut self,
        number: CommandNumber,
        command: &Command<'_>,
        verdict: Verdict,
    ) -> Result<Ruling, Unrecorded> {
        self.record(number, command, &verdict)?;
        let verdict = match verdict {
            Verdict::Allow(permit) => {
                self.note_transaction(command);
                if self.under_way.len() < UNDER_WAY {
                    self.under_way.push_back((number, Instant::now()));
                }
                self.bound(number, permit.limits());
                Verdict::Allow(permit)
            }
            Verdict::Hold(hold) => Verdict::Hold(hold),
            Verdict::Deny(denial) => Verdict::Deny(record::with_session(denial, &self.of.session)),
        };
        Ok(Ruling { command: number, verdict })
    }

    /// What people who are asked later are shown of the transaction.
    fn note_transaction(&mut self, command: &Command<'_>) {
        if command.state.transaction == Transaction::None {
            self.transaction.clear();
        } else if matches!(command.stage, Stage::Run(_)) {
            if self.transaction.len() == REMEMBERED {
                self.transaction.pop_front();
            }
            self.transaction.push_back(shortened(command.text, REMEMBERED_TEXT));
        }
    }

    /// What has to be answered for as long as the session lasts.
    pub fn summons(&self) -> Summons {
        self.overseer.summons()
    }

    /// To be asked when the session is over.
    pub fn left(&self) -> Left {
        self.left.clone()
    }

    /// Adds an event to those that are kept back.
    fn keep_back(&mut self, event: &Event, durability: Durability) -> Result<(), Unrecorded> {
        let kept = self.book.add(event, durability).map_err(|error| self.unrecorded(&error))?;
        if kept > KEPT_BACK { self.write() } else { Ok(()) }
    }

    fn write(&self) -> Result<(), Unrecorded> {
        self.book.write().map(drop).map_err(|error| self.unrecorded(&error))
    }

    fn unrecorded(&self, error: &RecordError) -> Unrecorded {
        tracing::error!(session = self.of.session, error = one_line(error), "cannot record a command");
        if error.is_full() { Unrecorded::Full } else { Unrecorded::Failed }
    }

    /// Writes down a command and its verdict. An allowed one that only prepares is written before it goes on, and
    /// until then may wait for the one that runs it.
    fn record(
        &mut self,
        number: CommandNumber,
        command: &Command<'_>,
        verdict: &Verdict,
    ) -> Result<(), Unrecorded> {
        let before = self.book.mark();
        let (stage, parameters) = record::stage(&command.stage);
        let judged = CommandJudged {
            of: self.of.clone(),
            command: number.0,
            stage,
            text: command.text.to_owned(),
            parameters,
            verdict: record::verdict(verdict),
        };
        let durability = record::durability(verdict);
        let recorded = self.keep_back(&Event::Command(judged), durability).and_then(|()| {
            match (&command.stage, verdict) {
                (Stage::Prepare, Verdict::Allow(_)) => Ok(()),
                (Stage::Prepare, Verdict::Hold(_) | Verdict::Deny(_)) | (Stage::Run(_), _) => self.write(),
            }
        });
        if recorded.is_err() {
            // The command is refused; what happened before it is still to be told.
            self.book.back_to(before);
        }
        recorded
    }

    /// Takes note of what bounds a command that goes on.
    fn bound(&mut self, command: CommandNumber, limits: &Limits) {
        if let Some(place) = self.judge.place() {
            self.places.push_back((command, place));
        }
        if let Some(time) = limits.time.filter(|_| self.timed.len() < UNDER_WAY) {
            self.timed.push_back((command, time));
            self.watch_the_next();
        }
    }

    fn unbind(&mut self, command: CommandNumber, said: Said<'_>) {
        if said == Said::Suspended || (self.places.is_empty() && self.timed.is_empty()) {
            return;
        }
        while self.places.front().is_some_and(|(number, _)| *number <= command) {
            self.places.pop_front();
        }
        while self.timed.front().is_some_and(|(number, _)| *number <= command) {
            self.timed.pop_front();
        }
        self.under_way.retain(|(number, _)| *number > command);
        self.watch_the_next();
    }

    /// The target works on one command at a time. How long it takes counts from when those before it have ended.
    fn watch_the_next(&self) {
        let next = self.under_way.front().and_then(|(number, _)| {
            let (_, time) = self.timed.front().filter(|(timed, _)| timed == number)?;
            Some((*number, Instant::now() + *time))
        });
        self.overseer.watch(next);
    }

    fn reached(&mut self, command: CommandNumber, limit: told::Limit) {
        let reached = LimitReached { of: self.of.clone(), command: command.0, limit };
        let _ = self.keep_back(&Event::LimitReached(reached), Durability::Durable);
    }

    fn took_us(&mut self, command: CommandNumber) -> u64 {
        while self.under_way.front().is_some_and(|(number, _)| *number < command) {
            self.under_way.pop_front();
        }
        let since = self.under_way.front().filter(|(number, _)| *number == command).map(|(_, since)| *since);
        since.map_or(0, |since| u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// How events say which session they belong to.
pub fn of_session(id: &SessionId, connection: &Connection) -> OfSession {
    OfSession {
        session: id.as_str().to_owned(),
        connection: connection.connection,
        agent: connection.who.agent.clone(),
        target: connection.target.clone(),
    }
}

impl Court for Session {
    fn judge(&mut self, command: &Command<'_>) -> Result<Ruling, Unrecorded> {
        // A request to cancel what came before must not hit this one.
        if std::mem::take(&mut self.asked_to_cancel) {
            self.overseer.wait();
        }
        let verdict = match (self.judge.judge(command), &command.stage) {
            // What is prepared is judged again, with its parameters, before it runs.
            (Verdict::Hold(hold), Stage::Prepare) => Verdict::Allow(hold.to_prepare()),
            (Verdict::Hold(hold), Stage::Run(_)) => return self.ask(hold, command),
            (verdict, _) => verdict,
        };
        let waited = self.counter.as_mut().and_then(|counter| counter.give_up("other rules hold now"));
        let number = waited.unwrap_or_else(|| self.number());
        self.rule(number, command, verdict)
    }

    fn notice(&mut self) -> Option<String> {
        self.counter.as_mut()?.notice()
    }

    fn ended(&mut self, command: CommandNumber, outcome: &Outcome<'_>) {
        if outcome.said == Said::Nothing {
            self.left.0.store(true, Relaxed);
        }
        let took_us = self.took_us(command);
        self.unbind(command, outcome.said);
        let Some(ended) = record::ended(&self.of, command, outcome, took_us) else { return };
        // It has happened: a failure to write it is in the log, and stops the next command.
        let _ = self.keep_back(&Event::CommandEnded(ended), Durability::Buffered);
    }

    fn exceeded(&mut self, command: CommandNumber, bound: Bound) {
        let limit = match bound {
            Bound::Rows => told::Limit::Rows,
            Bound::Bytes => told::Limit::Bytes,
        };
        self.reached(command, limit);
        self.overseer.cancel();
        self.asked_to_cancel = true;
    }

    fn overtime(&mut self, command: CommandNumber) -> Option<Denial> {
        if !self.overseer.was_overdue(command) {
            return None;
        }
        self.asked_to_cancel = true;
        self.reached(command, told::Limit::Time);
        let most = self.timed.iter().find(|(number, _)| *number == command)?.1;
        Some(Denial {
            message: format!(
                "the statement takes longer than {}, and no longer is allowed",
                format_duration(most)
            ),
            hint: None,
            because: Because::Limit,
        })
    }

    fn refused(&mut self, why: &str) {
        let refused = MessageRefused { of: self.of.clone(), why: why.to_owned() };
        let _ = self.keep_back(&Event::MessageRefused(refused), Durability::Durable);
    }

    fn settle(&mut self) -> Result<(), Unrecorded> {
        self.write()
    }
}
