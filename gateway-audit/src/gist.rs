//! What any event comes to, in the same few words.
//!
//! Lists, timelines, reports and the formats of other systems are made from it, so that a new event is told in one place
//! ([`telling`]) and understood in all of them.

mod files;
mod telling;

use std::net::SocketAddr;

use crate::event::{Event, Who};

/// An event in short. What is empty was not known or does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gist<'a> {
    /// The word that stands in `event`.
    pub kind: &'static str,
    pub area: Area,
    pub outcome: Outcome,
    pub weight: Weight,
    pub session: Option<&'a str>,
    pub connection: Option<u64>,
    pub agent: Option<&'a str>,
    pub person: Option<&'a str>,
    pub target: Option<&'a str>,
    pub who: Option<&'a Who>,
    pub destination: Option<SocketAddr>,
    pub command: Option<u64>,
    /// What the agent wanted to run.
    pub statement: Option<&'a str>,
    pub rules: Vec<&'a str>,
    /// The code of an error.
    pub code: Option<&'a str>,
    pub rows: Option<u64>,
    pub sent_bytes: Option<u64>,
    pub received_bytes: Option<u64>,
    pub took_us: Option<u64>,
    /// For people, without what stands in the other fields already.
    pub says: String,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// A connection begins.
    Opening,
    /// A connection ends, or was not let through.
    Ending,
    /// A name was looked up.
    Name,
    /// Both logins of a session.
    Login,
    /// A command, its verdict or its end.
    Command,
    /// Who may do what, and who decided it.
    Access,
    /// Something that the kernel or the gateway refused outside of commands.
    Refusal,
    /// The gateway, the enforcer, the evidence itself.
    Service,
}

/// How it went, in the sense of whoever asks whether it was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Allowed,
    Denied,
    /// It was let through and did not succeed.
    Failed,
    /// It waits for somebody.
    Waiting,
    /// Nothing was asked for.
    Told,
}

/// How much it matters to whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    Usual,
    Notable,
    Warning,
    Alarm,
}

impl Area {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Ending => "ending",
            Self::Name => "name",
            Self::Login => "login",
            Self::Command => "command",
            Self::Access => "access",
            Self::Refusal => "refusal",
            Self::Service => "service",
        }
    }
}

impl Outcome {
    pub const ALL: [Self; 5] = [Self::Allowed, Self::Denied, Self::Failed, Self::Waiting, Self::Told];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Told => "told",
        }
    }
}

impl<'a> Gist<'a> {
    pub fn of(event: &'a Event) -> Self {
        telling::tell(event)
    }

    /// The beginning that every telling fills in from.
    const fn new(kind: &'static str, area: Area, outcome: Outcome, weight: Weight) -> Self {
        Self {
            kind,
            area,
            outcome,
            weight,
            session: None,
            connection: None,
            agent: None,
            person: None,
            target: None,
            who: None,
            destination: None,
            command: None,
            statement: None,
            rules: Vec::new(),
            code: None,
            rows: None,
            sent_bytes: None,
            received_bytes: None,
            took_us: None,
            says: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Sample, samples};

    #[test]
    fn the_word_for_an_event_is_the_one_in_its_record() {
        for Sample { event, .. } in samples() {
            let written = serde_json::to_value(&event).expect("json");
            assert_eq!(written["event"], Gist::of(&event).kind, "{written}");
        }
    }

    #[test]
    fn every_event_has_a_sentence() {
        for Sample { event, .. } in samples() {
            assert!(!Gist::of(&event).says.is_empty(), "{event:?}");
        }
    }

    #[test]
    fn a_denied_command_names_its_rule_and_its_session() {
        let record = samples().into_iter().find(|record| {
            let gist = Gist::of(&record.event);
            gist.kind == "command" && gist.outcome == Outcome::Denied
        });
        let record = record.expect("a denied command");
        let gist = Gist::of(&record.event);
        assert_eq!(gist.rules, ["no-drops"]);
        assert_eq!((gist.agent, gist.target), (Some("coder"), Some("orders")));
        assert!(gist.session.is_some() && gist.weight == Weight::Warning);
    }
}
