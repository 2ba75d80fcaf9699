//! A PostgreSQL session from its first ReadyForQuery on.
//!
//! What the agent asks is judged before it goes on (`asking`, `judging`), what the target answers is matched with what
//! was asked (`answering`, `awaited`). Logins are left to others, and so is what a text means.
//!
//! A refused message is replaced by one that fails at the target, and the target's error by the refusal (`mark`), so
//! that answers stay in order and the transaction is in the state that the target says, also when the agent sends on
//! without waiting.

mod answering;
mod asking;
mod awaited;
mod bounds;
mod deallocate;
mod forward;
mod judging;
mod limits;
mod mark;
mod names;
mod refusing;
mod rows;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use crate::conversation::{Broken, Conversation, Court, Needs, Parting, Plan, Side, Taken};

use super::frontend;
use super::refusal::{Code, Refusal};
use answering::Answer;
use awaited::{Queue, Refused};
use bounds::Suspended;
use judging::{Portal, Statement};
pub use limits::Limits;
use names::{Names, Sent};
use settings::Settings;
use stream::Stream;

/// The conversation of one connection.
#[derive(Debug)]
pub struct Postgres {
    limits: Limits,
    settings: Settings,
    statements: Names<Statement>,
    portals: Names<Portal>,
    awaited: Queue,
    /// What comes from the agent, and from the target.
    agent: Stream,
    target: Stream,
    /// The place of the next message of the agent.
    next: Sent,
    /// The batch of the last command that may have changed settings, until it is known what it changed.
    unsettled: Option<u64>,
    /// Whether the agent's messages are dropped up to its next Sync.
    discarding: bool,
    copy: Copying,
    /// What the target said so far to the command that it is at.
    answer: Answer,
    refusals: u64,
    refused_copy: Option<Refused>,
    flush: Flush,
    /// Whether the agent has to wait until everything is answered.
    held: bool,
    terminated: bool,
    /// The target itself has told the agent that the connection ends.
    farewell_said: bool,
    row: Vec<u8>,
    /// Results with a bound that are fetched in parts.
    suspended: Vec<Suspended>,
}

/// Whether the target takes data of a copy, as far as that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Copying {
    #[default]
    No,
    In,
    /// Both sides send data, as in replication, and neither waits for the other.
    Both,
    /// The copy was ended by a refusal, and the rest of the agent's data is dropped.
    Refused,
}

/// Whether everything that was sent is sure to be answered without another word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Flush {
    #[default]
    NotAsked,
    ByAgent,
    ByUs,
    /// The last message is answered at once.
    Implied,
}

impl Postgres {
    /// `reported` is what the target said in ParameterStatus messages, `asked` what else the login found out about
    /// settings.
    pub fn new(
        limits: Limits,
        reported: impl IntoIterator<Item = (String, String)>,
        asked: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self {
            limits,
            settings: Settings::new(reported, asked),
            statements: Names::new(limits.statements, limits.statement_bytes),
            portals: Names::new(limits.portals, limits.portal_bytes),
            awaited: Queue::default(),
            agent: Stream::default(),
            target: Stream::default(),
            next: Sent { sequence: 0, batch: 0 },
            unsettled: None,
            discarding: false,
            copy: Copying::No,
            answer: Answer::default(),
            refusals: 0,
            refused_copy: None,
            flush: Flush::NotAsked,
            held: false,
            terminated: false,
            farewell_said: false,
            row: Vec::new(),
            suspended: Vec::new(),
        }
    }

    /// Tells both sides, as far as their streams stand between messages, that it is over.
    fn say_farewell(&self, refusal: &Refusal, plan: &mut Plan) {
        // An agent that has taken its leave expects no answer, and some drivers make an error of one.
        if self.target.is_between_messages() && !self.terminated && !self.farewell_said {
            plan.say(Side::Agent, |out| refusal.write(out));
        }
        if self.agent.is_between_messages() && !self.terminated {
            plan.say(Side::Target, frontend::terminate);
        }
    }

    fn broken(&self, by: Side, why: &'static str, plan: &mut Plan) -> Broken {
        self.say_farewell(&Refusal::fatal(Code::ProtocolViolation, why), plan);
        Broken { by, why }
    }
}

impl Conversation for Postgres {
    fn take(
        &mut self,
        from: Side,
        bytes: &[u8],
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Taken, Broken> {
        match from {
            Side::Agent => self.take_from_agent(bytes, court, plan),
            Side::Target => self.take_from_target(bytes, court, plan),
        }
        .map_err(|why| self.broken(from, why, plan))
    }

    fn awaits(&self) -> Option<Side> {
        if self.terminated || (self.held && !self.awaited.is_settled()) {
            Some(Side::Target)
        } else if self.copy == Copying::Both {
            None
        } else if self.copy == Copying::In || self.awaited.is_empty() {
            Some(Side::Agent)
        } else if matches!(self.flush, Flush::ByAgent | Flush::ByUs) || self.awaited.is_one_cycle() {
            Some(Side::Target)
        } else {
            None
        }
    }

    fn part(&mut self, because: Parting, plan: &mut Plan) {
        let (code, message) = match because {
            Parting::Idle => (Code::IdleSessionTimeout, "the connection was idle for too long"),
            Parting::GatewayStops => (Code::AdminShutdown, "the gateway is shutting down"),
            Parting::LeaseEnded => (Code::AdminShutdown, "the leave to use this target has ended"),
            Parting::Killed => (Code::AdminShutdown, "an operator has ended this session"),
            Parting::TargetGone => (Code::ConnectionFailure, "the target closed the connection"),
        };
        self.say_farewell(&Refusal::fatal(code, message), plan);
    }

    fn over(&mut self, court: &mut dyn Court) {
        self.nothing_more_is_answered(court);
    }
}

/// How far the reading of one side came.
enum Heard {
    /// The message was there as a whole and is dealt with.
    Whole,
    /// It is dealt with as its bytes come.
    Streams(Stream),
    Needs(Needs),
}
