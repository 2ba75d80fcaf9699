//! A session: bursts of both sides, played whole and byte by byte.
//!
//! Whatever is said, it makes no difference how it is split, what was denied does not go on, and no value that must
//! not leave does.

use gateway_policy::command::{Command, Outcome};
use gateway_policy::judge::{Because, Denial, Judgement, Obligations, Rows, Settings, Verdict};
use gateway_protocols::conversation::{
    CommandNumber, Conversation, Court, Needs, Piece, Plan, Ruling, Shown, Side, Unrecorded,
};
use gateway_protocols::postgres::conversation::{Limits, Postgres};
use gateway_protocols::postgres::frame::{HEADER, Header};

use crate::Target;

macro_rules! recorded {
    ($($name:literal),*) => {
        &[$(include_bytes!(concat!("../../../gateway-protocols/recorded/postgres/", $name, ".rec"))),*]
    };
}

pub const TARGET: Target = Target {
    name: "postgres_conversation",
    run,
    corpus: recorded!(
        "psql",
        "psycopg",
        "asyncpg",
        "pgbench-simple",
        "pgbench-extended",
        "pgbench-prepared",
        "pgbench-pipeline",
        "copies",
        "batches"
    ),
};

/// A burst is the byte of its side, its length in four bytes, its bytes. A length that is too great means the rest.
pub fn run(recording: &[u8]) {
    let whole = play(recording, usize::MAX);
    let singly = play(recording, 1);
    // An agent that has to wait goes on when the answers are there, which a recording cannot wait for.
    if !whole.held && !singly.held {
        assert!(whole == singly, "byte by byte it is another conversation");
    }
    nothing_denied_goes_on(&whole.to_target);
}

#[derive(Debug, PartialEq, Eq)]
struct Played {
    to_target: Vec<u8>,
    to_agent: Vec<u8>,
    heard: Vec<String>,
    broken: Option<&'static str>,
    held: bool,
}

fn play(mut recording: &[u8], step: usize) -> Played {
    let mut relay = Relay::new();
    while let Some((&[side, a, b, c, d], rest)) = recording.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let (bytes, rest) = rest.split_at(length.min(rest.len()));
        let side = if side == b'>' { Side::Agent } else { Side::Target };
        bytes.chunks(step).for_each(|part| relay.hear(side, part));
        recording = rest;
    }
    relay.conversation.over(&mut relay.court);
    let Relay { court, to_target, to_agent, broken, held, .. } = relay;
    Played { to_target, to_agent, heard: court.0, broken, held }
}

struct Relay {
    conversation: Postgres,
    court: Words,
    plan: Plan,
    agent: (Vec<u8>, Needs),
    target: (Vec<u8>, Needs),
    to_target: Vec<u8>,
    to_agent: Vec<u8>,
    broken: Option<&'static str>,
    held: bool,
}

impl Relay {
    fn new() -> Self {
        let settings = [("client_encoding", "UTF8"), ("standard_conforming_strings", "on")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let limits = Limits { message: 4096, statements: 32, unanswered: 256, ..Limits::default() };
        Self {
            conversation: Postgres::new(limits, settings, []),
            court: Words(Vec::new()),
            plan: Plan::default(),
            agent: (Vec::new(), Needs::Bytes(HEADER)),
            target: (Vec::new(), Needs::Bytes(HEADER)),
            to_target: Vec::new(),
            to_agent: Vec::new(),
            broken: None,
            held: false,
        }
    }

    fn hear(&mut self, side: Side, bytes: &[u8]) {
        match side {
            Side::Agent => self.agent.0.extend_from_slice(bytes),
            Side::Target => self.target.0.extend_from_slice(bytes),
        }
        if self.take(side) && side == Side::Target && self.agent.1 == Needs::OtherSide {
            self.agent.1 = Needs::Bytes(0);
            self.take(Side::Agent);
        }
    }

    fn take(&mut self, side: Side) -> bool {
        let (bytes, needs) = match side {
            Side::Agent => &mut self.agent,
            Side::Target => &mut self.target,
        };
        let ready = matches!(needs, Needs::Bytes(count) if bytes.len() >= *count);
        if !ready || self.broken.is_some() {
            return false;
        }
        self.plan.clear();
        match self.conversation.take(side, bytes, &mut self.court, &mut self.plan) {
            Ok(taken) => {
                carry_out(&self.plan, side, bytes, &mut self.to_target, &mut self.to_agent);
                bytes.drain(..taken.bytes);
                *needs = taken.needs;
                self.held |= taken.needs == Needs::OtherSide;
            }
            Err(broken) => {
                carry_out(&self.plan, side, bytes, &mut self.to_target, &mut self.to_agent);
                self.broken = Some(broken.why);
            }
        }
        true
    }
}

fn carry_out(plan: &Plan, from: Side, bytes: &[u8], to_target: &mut Vec<u8>, to_agent: &mut Vec<u8>) {
    for piece in plan.pieces() {
        let (to, words) = match piece {
            Piece::Pass(part) if from == Side::Agent => (Side::Target, bytes.get(part.clone())),
            Piece::Pass(part) => (Side::Agent, bytes.get(part.clone())),
            Piece::Say(to, part) => (*to, Some(plan.own(part.clone()))),
        };
        let out = match to {
            Side::Agent => &mut *to_agent,
            Side::Target => &mut *to_target,
        };
        out.extend_from_slice(words.unwrap_or_default());
    }
}

/// Denies by a word, and remembers what it heard.
struct Words(Vec<String>);

impl Court for Words {
    fn judge(&mut self, command: &Command<'_>) -> Result<Ruling, Unrecorded> {
        self.0.push(format!("{:?} {}", command.stage, command.text));
        let verdict = if command.text.contains("forbidden") {
            Verdict::Deny(Denial { message: "no".to_owned(), hint: None, because: Because::NothingAllows })
        } else {
            let rows = if command.text.contains("shown") { Rows::Shown } else { Rows::AsTheyAre };
            let settings = if command.text.starts_with("set ") { Settings::Changed } else { Settings::Kept };
            match Judgement::unjudged().verdict() {
                Verdict::Allow(permit) => {
                    Verdict::Allow(permit.obliged(Obligations { rows, settings, ..Obligations::default() }))
                }
                other @ (Verdict::Hold(_) | Verdict::Deny(_)) => other,
            }
        };
        let command = CommandNumber(u64::try_from(self.0.len()).unwrap_or(u64::MAX));
        Ok(Ruling { command, verdict })
    }

    fn ended(&mut self, command: CommandNumber, outcome: &Outcome<'_>) {
        self.0.push(format!("{} {outcome:?}", command.0));
    }

    fn value(&mut self, _column: usize, value: Option<&[u8]>, instead: &mut Vec<u8>) -> Shown {
        if value == Some(b"secret") {
            instead.extend_from_slice(b"***");
            return Shown::Replace;
        }
        Shown::Keep
    }
}

fn nothing_denied_goes_on(mut bytes: &[u8]) {
    while let Ok(Some(header)) = Header::read(bytes)
        && let Some(body) = bytes.get(HEADER..header.whole())
    {
        let runs = matches!(header.kind, b'Q' | b'P');
        assert!(!(runs && body.windows(9).any(|window| window == b"forbidden")), "a denied command went on");
        bytes = bytes.get(header.whole()..).unwrap_or_default();
    }
}
