//! What a relay and a protocol say to each other.
//!
//! The relay reads from both sockets and hands over what it read; the protocol tells which part of it goes on as
//! it is, what is said instead, and what it cannot read yet. Nothing here knows a socket, a clock or a policy:
//! decisions are asked of the [`Court`].

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use gateway_policy::command::{Command, Outcome};
use gateway_policy::judge::{Denial, Verdict};
use gateway_policy::limits::Bound;

/// Who sent bytes, or is to get them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Agent,
    Target,
}

impl Side {
    pub const fn other(self) -> Self {
        match self {
            Self::Agent => Self::Target,
            Self::Target => Self::Agent,
        }
    }
}

/// The session that a conversation belongs to: it judges, and it keeps the record.
pub trait Court {
    /// May this run? The answer stands in the records before it is given; without a record there is none, and
    /// the command is refused. A command that is held is asked about again when there may be an answer.
    fn judge(&mut self, command: &Command<'_>) -> Result<Ruling, Unrecorded>;

    /// What the agent is told while its command waits for people, if it is time to tell it something.
    fn notice(&mut self) -> Option<String> {
        None
    }

    /// How a command that was permitted ended; once for each of its statements that the target answered.
    fn ended(&mut self, command: CommandNumber, outcome: &Outcome<'_>);

    /// Something of the agent did not go on that could not be judged, as it could not be read.
    fn refused(&mut self, _why: &str) {}

    /// A result begins whose permit demands that its values be shown.
    fn columns(&mut self, _command: CommandNumber, _columns: &mut dyn Iterator<Item = Column<'_>>) {}

    /// A value of such a result, and the number of its column from 0; `None` is NULL. A replacement is appended to
    /// `instead`.
    fn value(&mut self, _column: usize, _value: Option<&[u8]>, _instead: &mut Vec<u8>) -> Shown {
        Shown::Keep
    }

    /// A result has become more than its permit allows. No more of it reaches the agent.
    fn exceeded(&mut self, _command: CommandNumber, _bound: Bound) {}

    /// A command was cancelled: what the agent is told if it took longer than its permit allows.
    fn overtime(&mut self, _command: CommandNumber) -> Option<Denial> {
        None
    }

    /// What was kept back to be written together is written: before anything goes on to the target, and when
    /// nothing moves.
    fn settle(&mut self) -> Result<(), Unrecorded> {
        Ok(())
    }
}

/// An answer, and the number under which the command stands in the records.
#[derive(Debug)]
pub struct Ruling {
    pub command: CommandNumber,
    pub verdict: Verdict,
}

/// Counts the commands of a session, the refused ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandNumber(pub u64);

/// Why an answer could not be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrecorded {
    /// There is no room for the record.
    Full,
    /// It cannot be written for another reason.
    Failed,
}

/// A column of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    pub name: &'a [u8],
    /// The table that it comes from unchanged, by its number in the target's catalogue; 0 if from none.
    pub table: u32,
    /// Its number within that table; 0 if from none.
    pub attribute: u16,
    /// Its type, by the number in the target's catalogue.
    pub kind: u32,
    pub format: Format,
}

/// How the bytes of a value are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Keep,
    Replace,
    Null,
}

/// A protocol, from the end of the login to the end of the connection.
pub trait Conversation {
    /// Takes bytes of one side, which begin where it stopped taking the last time, and plans what happens to them.
    fn take(
        &mut self,
        from: Side,
        bytes: &[u8],
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Taken, Broken>;

    /// The one side from which the next bytes come, when that is certain enough to look at no other for a few
    /// milliseconds. `None` when both may speak, as while requests are sent before answers are read.
    fn awaits(&self) -> Option<Side> {
        None
    }

    /// Takes leave of both sides as far as their streams stand where something can be said.
    fn part(&mut self, because: Parting, plan: &mut Plan);

    /// The connection is over: what was permitted and not answered has no other outcome.
    fn over(&mut self, court: &mut dyn Court);
}

/// Why the gateway ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// Nothing moved for too long.
    Idle,
    /// The gateway stops.
    GatewayStops,
    /// The leave to connect has run out.
    LeaseEnded,
    /// Somebody ended it on purpose.
    Killed,
    /// The target ended the connection, or it was lost.
    TargetGone,
}

/// How far a conversation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Bytes that need not be shown again.
    pub bytes: usize,
    pub needs: Needs,
}

/// What a conversation has to see to go on with a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// This many bytes at once, counted from the first that was not taken.
    Bytes(usize),
    /// Something of the other side. What is there is to be shown again after that was taken, and no more is to be
    /// read until then.
    OtherSide,
    /// An answer of people to the command that begins what was not taken. It is to be shown again when there may be one,
    /// and no more is to be read until then.
    Ruling,
}

/// A conversation that cannot go on. Both sides are told in their own words, as the plan says, and then cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub by: Side,
    pub why: &'static str,
}

/// What happens, in order. A relay keeps one and clears it between uses.
#[derive(Debug, Default)]
pub struct Plan {
    pieces: Vec<Piece>,
    own: Vec<u8>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// This part of the bytes that were shown goes on to the other side.
    Pass(Range<usize>),
    /// The conversation's own words, to be found in [`Plan::own`].
    Say(Side, Range<usize>),
}

impl Plan {
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.own.clear();
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The conversation's own words.
    pub fn own(&self, range: Range<usize>) -> &[u8] {
        self.own.get(range).unwrap_or_default()
    }

    /// Passes a part of the input on. Parts that touch become one.
    pub fn pass(&mut self, part: Range<usize>) {
        match self.pieces.last_mut() {
            Some(Piece::Pass(last)) if last.end == part.start => last.end = part.end,
            _ if part.is_empty() => (),
            _ => self.pieces.push(Piece::Pass(part)),
        }
    }

    /// Says something of the gateway's own, written by `write`.
    pub fn say(&mut self, to: Side, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.own.len();
        write(&mut self.own);
        let end = self.own.len();
        match self.pieces.last_mut() {
            Some(Piece::Say(side, last)) if *side == to && last.end == start => last.end = end,
            _ if start == end => (),
            _ => self.pieces.push(Piece::Say(to, start..end)),
        }
    }
}
