//! A request as it is kept and shown: what people are asked, and what they have said.

use gateway_policy::approval::{Answer, Approver, Fingerprint, Moment, Reach, Yes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One question to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub id: String,
    pub agent: String,
    /// What the person is called that the agent acts for.
    pub person: Vec<String>,
    pub target: String,
    pub database: String,
    pub session: String,
    pub connection: u64,
    pub command: u64,
    /// As the agent sent it. What shows it has to make it harmless.
    pub text: String,
    pub parameters: Vec<String>,
    /// What is held, in words.
    pub what: String,
    pub effects: Vec<Effect>,
    /// What the transaction has run so far.
    pub transaction: Vec<String>,
    pub rules: Vec<String>,
    pub meanwhile: Meanwhile,
    /// Milliseconds since 1970.
    pub asked_ms: u64,
    pub until_ms: u64,
    /// Hashes of what an answer is bound to.
    pub exact: String,
    pub shape: String,
    pub state: State,
    pub yes: Vec<Said>,
    /// How often the same command came while people were asked.
    pub times: u64,
}

/// One thing that the command does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    pub what: String,
    pub details: Vec<String>,
}

/// What the agent does until there is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Meanwhile {
    Waits,
    ComesAgain,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum State {
    Pending,
    Approved { reach: Wide, until_ms: u64 },
    Denied { by: String, reason: Option<String> },
    TimedOut,
    Withdrawn { why: String },
    Used,
}

/// How far a yes reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Wide {
    /// This command, one time
    #[default]
    Once,
    /// Statements of the same shape, for the rest of the session
    Session,
    /// Statements of the same shape, of this agent there, for a time
    Shape,
}

/// One person's yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    pub person: String,
    pub groups: Vec<String>,
    pub unix_groups: Vec<String>,
    pub at_ms: u64,
}

impl Request {
    pub fn is_pending(&self) -> bool {
        self.state == State::Pending
    }

    /// The answer, as policy looks at it. One for who waits is bound to that session.
    pub fn answer(&self, session: &str) -> Option<Answer> {
        let State::Approved { reach, until_ms } = self.state else { return None };
        let session = match (self.meanwhile, reach) {
            (Meanwhile::ComesAgain, Wide::Once) => None,
            (Meanwhile::Waits, Wide::Once) => Some(session.into()),
            (_, Wide::Session | Wide::Shape) => Some(self.session.as_str().into()),
        };
        Some(Answer {
            exact: fingerprint(&self.exact)?,
            shape: fingerprint(&self.shape)?,
            session,
            reach: reach.into(),
            asked: Moment(self.asked_ms),
            yes: self.yes.iter().map(Yes::from).collect(),
            until: Moment(until_ms),
        })
    }
}

impl From<Wide> for Reach {
    fn from(wide: Wide) -> Self {
        match wide {
            Wide::Once => Self::Once,
            Wide::Session => Self::Session,
            Wide::Shape => Self::Shape,
        }
    }
}

impl From<&Said> for Yes {
    fn from(said: &Said) -> Self {
        let Said { person, groups, unix_groups, at_ms } = said.clone();
        Self { by: Approver { person, groups, unix_groups }, at: Moment(at_ms) }
    }
}

pub fn written(fingerprint: Fingerprint) -> String {
    fingerprint.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fingerprint(text: &str) -> Option<Fingerprint> {
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(digit).collect();
    Some(Fingerprint(bytes?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_was_written() {
        let one = Fingerprint(std::array::from_fn(|at| at as u8 * 8));
        assert_eq!(fingerprint(&written(one)), Some(one));
        assert_eq!(fingerprint("00"), None);
    }
}
