//! Conversations as text: a line for each burst of a side, its messages between `|`.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::{Limits, Postgres};
use super::court::Words;
use crate::conversation::{Conversation, Needs, Parting, Piece, Plan, Side};
use crate::postgres::backend::{self, ErrorFields};
use crate::postgres::frame::{self, HEADER, Header};
use crate::postgres::frontend::{self, Bind, Named, Parse};

/// What came of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Played {
    pub(super) to_target: String,
    pub(super) to_agent: String,
    pub(super) court: Vec<String>,
    pub(super) broken: Option<String>,
    pub(super) awaits: Option<Side>,
}

/// Plays the script in every way in which its bytes can arrive, and demands that it makes no difference.
#[track_caller]
pub(super) fn played(script: &str) -> Played {
    played_within(script, Limits::default())
}

#[track_caller]
pub(super) fn played_within(script: &str, limits: Limits) -> Played {
    let bursts: Vec<_> = script.lines().filter_map(burst).collect();
    let whole = play(&bursts, limits, |_, burst| [burst].map(<[u8]>::to_owned).into());
    let singly = play(&bursts, limits, |_, burst| burst.iter().map(|byte| [*byte].into()).collect());
    assert_eq!(whole, singly, "byte by byte it is another conversation");
    for (index, (_, bytes)) in bursts.iter().enumerate() {
        for at in 1..bytes.len() {
            let split = play(&bursts, limits, |nth, burst| match burst.split_at_checked(at) {
                Some((first, rest)) if nth == index => [first, rest].map(<[u8]>::to_owned).into(),
                _ => [burst.to_owned()].into(),
            });
            assert_eq!(whole, split, "split in burst {index} at byte {at} it is another conversation");
        }
    }
    whole
}

/// What one side says in a script.
pub(super) fn said(script: &str, side: char) -> String {
    let lines = script.lines().filter_map(|line| line.trim().strip_prefix(side)).map(str::trim);
    lines.collect::<Vec<_>>().join(" | ")
}

fn play(bursts: &[(Side, Vec<u8>)], limits: Limits, split: impl Fn(usize, &[u8]) -> Vec<Vec<u8>>) -> Played {
    let mut relay = Relay::new(limits);
    for (index, (side, bytes)) in bursts.iter().enumerate() {
        for part in split(index, bytes) {
            relay.hear(*side, &part);
        }
    }
    relay.end()
}

/// Drives a conversation as a relay does.
pub(super) struct Relay {
    conversation: Postgres,
    court: Words,
    plan: Plan,
    /// What was read and not taken, and what has to be there to go on.
    agent: (Vec<u8>, Needs),
    target: (Vec<u8>, Needs),
    to_target: Vec<u8>,
    to_agent: Vec<u8>,
    broken: Option<String>,
}

impl Relay {
    pub(super) fn new(limits: Limits) -> Self {
        let settings = [("client_encoding", "UTF8"), ("standard_conforming_strings", "on")];
        let pair = |(name, value): (&str, &str)| (name.to_string(), value.to_string());
        let asked = [("search_path", "public")].map(pair);
        Self {
            conversation: Postgres::new(limits, settings.map(pair), asked),
            court: Words::default(),
            plan: Plan::default(),
            agent: (Vec::new(), Needs::Bytes(HEADER)),
            target: (Vec::new(), Needs::Bytes(HEADER)),
            to_target: Vec::new(),
            to_agent: Vec::new(),
            broken: None,
        }
    }

    pub(super) fn hear(&mut self, side: Side, bytes: &[u8]) {
        match side {
            Side::Agent => self.agent.0.extend_from_slice(bytes),
            Side::Target => self.target.0.extend_from_slice(bytes),
        }
        if self.take(side) && side == Side::Target && self.agent.1 == Needs::OtherSide {
            self.agent.1 = Needs::Bytes(0);
            self.take(Side::Agent);
        }
    }

    /// People have said yes, or it is time to tell the agent something.
    pub(super) fn ring(&mut self, answered: bool, notice: Option<&str>) {
        self.court.answered = answered;
        self.court.notice = notice.map(ToString::to_string);
        if self.agent.1 == Needs::Ruling {
            self.agent.1 = Needs::Bytes(0);
            self.take(Side::Agent);
        }
    }

    /// The relay has a reason to end the connection.
    pub(super) fn part(&mut self, because: Parting) {
        self.plan.clear();
        self.conversation.part(because, &mut self.plan);
        for piece in self.plan.pieces() {
            match piece {
                Piece::Say(Side::Agent, part) => self.to_agent.extend_from_slice(self.plan.own(part.clone())),
                Piece::Say(Side::Target, part) => {
                    self.to_target.extend_from_slice(self.plan.own(part.clone()))
                }
                Piece::Pass(_) => panic!("nothing was shown that could pass"),
            }
        }
    }

    fn take(&mut self, side: Side) -> bool {
        let (bytes, needs) = match side {
            Side::Agent => &mut self.agent,
            Side::Target => &mut self.target,
        };
        match needs {
            Needs::Bytes(count) if bytes.len() >= *count && self.broken.is_none() => (),
            Needs::Bytes(_) | Needs::OtherSide | Needs::Ruling => return false,
        }
        self.plan.clear();
        let taken = self.conversation.take(side, bytes, &mut self.court, &mut self.plan);
        let (ahead, back) = match side {
            Side::Agent => (&mut self.to_target, &mut self.to_agent),
            Side::Target => (&mut self.to_agent, &mut self.to_target),
        };
        for piece in self.plan.pieces() {
            match piece {
                Piece::Pass(part) => ahead.extend_from_slice(&bytes[part.clone()]),
                Piece::Say(to, part) if *to != side => ahead.extend_from_slice(self.plan.own(part.clone())),
                Piece::Say(_, part) => back.extend_from_slice(self.plan.own(part.clone())),
            }
        }
        match taken {
            Ok(taken) => {
                bytes.drain(..taken.bytes);
                *needs = taken.needs;
            }
            Err(broken) => self.broken = Some(broken.why.to_string()),
        }
        true
    }

    /// What each side got, the court heard and the end was, as bytes.
    pub(super) fn over(mut self) -> (Vec<u8>, Vec<u8>, Vec<String>, Option<String>) {
        self.conversation.over(&mut self.court);
        (self.to_target, self.to_agent, self.court.heard, self.broken)
    }

    pub(super) fn end(mut self) -> Played {
        let awaits = self.conversation.awaits();
        self.conversation.over(&mut self.court);
        Played {
            to_target: shown(&self.to_target, agents),
            to_agent: shown(&self.to_agent, targets),
            court: self.court.heard,
            broken: self.broken,
            awaits,
        }
    }
}

pub(super) fn burst(line: &str) -> Option<(Side, Vec<u8>)> {
    let line = line.trim();
    let (side, write): (_, fn(&mut Vec<u8>, &str)) = match line.chars().next()? {
        '>' => (Side::Agent, agent),
        '<' => (Side::Target, target),
        other => panic!("{other} is no side"),
    };
    let mut out = Vec::new();
    line[1..].trim().split(" | ").filter(|words| !words.is_empty()).for_each(|words| write(&mut out, words));
    Some((side, out))
}

fn agent(out: &mut Vec<u8>, words: &str) {
    let (kind, rest) = words.split_once(' ').unwrap_or((words, ""));
    let named = |out: &mut Vec<u8>, what: u8| {
        out.push(what);
        frame::text(out, rest.as_bytes());
    };
    match kind {
        "Q" => frontend::query(out, rest.as_bytes()),
        "P" => frame::message(out, b'P', |out| {
            let (name, text) = rest.split_once(": ").unwrap();
            frame::text(out, name.as_bytes());
            frame::text(out, text.as_bytes());
            out.extend_from_slice(&[0, 0]);
        }),
        "B" => frame::message(out, b'B', |out| {
            let (names, values) = rest.split_once('(').unwrap();
            let (portal, statement) = names.split_once('=').unwrap();
            frame::text(out, portal.as_bytes());
            frame::text(out, statement.as_bytes());
            out.extend_from_slice(&[0, 0]);
            list(out, values.trim_end_matches(')'));
            out.extend_from_slice(&[0, 0]);
        }),
        "DS" => frame::message(out, b'D', |out| named(out, b'S')),
        "DP" => frame::message(out, b'D', |out| named(out, b'P')),
        "CS" => frame::message(out, b'C', |out| named(out, b'S')),
        "CP" => frame::message(out, b'C', |out| named(out, b'P')),
        "E" => frontend::execute(out, rest.as_bytes()),
        "d" => frame::message(out, b'd', |out| out.extend_from_slice(rest.as_bytes())),
        "f" => frontend::copy_fail(out, rest.as_bytes()),
        _ => frame::message(out, kind.as_bytes()[0], |_| ()),
    }
}

fn agents(kind: u8, body: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match kind {
        b'Q' => format!("Q {}", text(frontend::query_text(body).unwrap())),
        b'P' => {
            let parse = Parse::read(body).unwrap();
            format!("P {}: {}", text(parse.statement), text(parse.text))
        }
        b'B' => {
            let bind = Bind::read(body).unwrap();
            let values = bind.parameters().map(|parameter| match parameter {
                gateway_policy::command::Parameter::Null => "~".to_string(),
                gateway_policy::command::Parameter::Text(value)
                | gateway_policy::command::Parameter::Binary(value) => text(value),
            });
            let values = values.collect::<Vec<_>>().join(",");
            format!("B {}={}({values})", text(bind.portal), text(bind.statement))
        }
        b'D' | b'C' => match Named::read(body).unwrap() {
            Named::Statement(name) => format!("{}S {}", kind as char, text(name)),
            Named::Portal(name) => format!("{}P {}", kind as char, text(name)),
        },
        b'E' => format!("E {}", text(frontend::executed_portal(body).unwrap())),
        b'd' => format!("d {}", text(body)),
        b'f' => format!("f {}", text(&body[..body.len() - 1])),
        _ => (kind as char).to_string(),
    }
    .trim_end()
    .to_string()
}

fn target(out: &mut Vec<u8>, words: &str) {
    let (kind, rest) = words.split_once(' ').unwrap_or((words, ""));
    match kind {
        "T" => frame::message(out, b'T', |out| {
            let names: Vec<_> = rest.split(',').collect();
            out.extend_from_slice(&(names.len() as u16).to_be_bytes());
            for name in names {
                frame::text(out, name.as_bytes());
                out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]);
            }
        }),
        "t" => frame::message(out, b't', |out| out.extend_from_slice(&[0, 0])),
        "D" => frame::message(out, b'D', |out| list(out, rest)),
        "G" | "H" | "W" => frame::message(out, kind.as_bytes()[0], |out| out.extend_from_slice(&[0, 0, 0])),
        "E" | "N" => frame::message(out, kind.as_bytes()[0], |out| {
            let (severity, rest) = match rest.strip_prefix("FATAL ") {
                Some(rest) => ("FATAL", rest),
                None => ("ERROR", rest),
            };
            let (code, message) = rest.split_once(' ').unwrap();
            for (letter, text) in [(b'S', severity), (b'V', severity), (b'C', code), (b'M', message)] {
                out.push(letter);
                frame::text(out, text.as_bytes());
            }
            out.push(0);
        }),
        "Z" | "d" => frame::message(out, kind.as_bytes()[0], |out| out.extend_from_slice(rest.as_bytes())),
        "S" => frame::message(out, b'S', |out| {
            let (name, value) = rest.split_once('=').unwrap();
            frame::text(out, name.as_bytes());
            frame::text(out, value.as_bytes());
        }),
        "C" => frame::message(out, b'C', |out| frame::text(out, rest.as_bytes())),
        _ => frame::message(out, kind.as_bytes()[0], |out| out.extend_from_slice(rest.as_bytes())),
    }
}

fn targets(kind: u8, body: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match kind {
        b'T' => {
            let names: Vec<_> = backend::columns(body).unwrap().map(|column| text(column.name)).collect();
            format!("T {}", names.join(","))
        }
        b'D' => {
            let values = backend::values(body).unwrap();
            let values = values.map(|value| value.unwrap().map_or("~".to_string(), text));
            format!("D {}", values.collect::<Vec<_>>().join(","))
        }
        b'E' | b'N' => {
            let fields = ErrorFields::new(body);
            let fatal = if fields.is_fatal() { "FATAL " } else { "" };
            format!("{} {fatal}{} {}", kind as char, fields.code().unwrap(), text(fields.message().unwrap()))
        }
        b'S' => {
            let (name, value) = backend::parameter_status(body).unwrap();
            format!("S {}={}", text(name), text(value))
        }
        b'C' => format!("C {}", backend::tag(body).unwrap()),
        b'Z' | b'd' | b'A' => format!("{} {}", kind as char, text(body)),
        _ => (kind as char).to_string(),
    }
    .trim_end()
    .to_string()
}

/// A count, then values behind their lengths; `~` is NULL.
fn list(out: &mut Vec<u8>, values: &str) {
    let values: Vec<_> = values.split(',').filter(|value| !value.is_empty()).collect();
    out.extend_from_slice(&(values.len() as u16).to_be_bytes());
    for value in values {
        let length = if value == "~" { -1 } else { value.len() as i32 };
        out.extend_from_slice(&length.to_be_bytes());
        if length >= 0 {
            out.extend_from_slice(value.as_bytes());
        }
    }
}

/// The bytes of one side as a script tells them. What is left of a message that was cut is `…`.
fn shown(mut bytes: &[u8], show: fn(u8, &[u8]) -> String) -> String {
    let mut messages = Vec::new();
    while let Ok(Some(header)) = Header::read(bytes) {
        let Some(body) = bytes.get(HEADER..header.whole()) else { break };
        messages.push(show(header.kind, body));
        bytes = &bytes[header.whole()..];
    }
    if !bytes.is_empty() {
        messages.push("…".to_string());
    }
    messages.join(" | ")
}
