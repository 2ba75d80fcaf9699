//! One log from its beginning to its end, each command together with how it ended.

use gateway_audit::chain::Record;
use gateway_audit::event::Event;
use gateway_audit::gist::{Gist, Outcome, Weight};
use gateway_audit::moment;
use gateway_audit::session::{SessionOpened, Value};

/// A session, or another log.
#[derive(Debug, Default)]
pub struct Timeline {
    pub name: String,
    pub opened: Option<SessionOpened>,
    pub person: Option<String>,
    pub began: Option<String>,
    pub steps: Vec<Step>,
    /// How it ended, if it has.
    pub ending: Option<String>,
}

/// One thing that happened.
#[derive(Debug)]
pub struct Step {
    pub at: String,
    /// Since the first record.
    pub after_ms: i64,
    pub outcome: Outcome,
    pub weight: Weight,
    pub says: String,
    pub rules: Vec<String>,
    pub command: Option<Command>,
}

/// What the agent wanted to run, and what came of it.
#[derive(Debug)]
pub struct Command {
    pub number: u64,
    pub text: String,
    pub parameters: Vec<String>,
    pub result: Option<Answered>,
}

/// What the target answered.
#[derive(Debug, Clone)]
pub struct Answered {
    pub outcome: Outcome,
    pub says: String,
    pub rows: u64,
    pub bytes: u64,
    pub took_us: u64,
}

impl Timeline {
    pub fn of(name: &str, records: impl Iterator<Item = anyhow::Result<Record>>) -> anyhow::Result<Self> {
        let mut timeline = Self { name: name.to_owned(), ..Self::default() };
        for record in records {
            timeline.add(&record?);
        }
        Ok(timeline)
    }

    fn add(&mut self, record: &Record) {
        let began = self.began.get_or_insert_with(|| record.at.clone());
        let after_ms = millis(&record.at) - millis(began);
        let gist = Gist::of(&record.event);
        if let Some(person) = gist.person {
            self.person = Some(person.to_owned());
        }
        match &record.event {
            Event::SessionOpened(opened) => self.opened = Some(opened.clone()),
            Event::Sealed { .. } => self.ending = Some(gist.says.clone()),
            Event::CommandEnded(ended) if self.end(ended.command, &gist) => return,
            _ => (),
        }
        let command = match &record.event {
            Event::Command(judged) => Some(Command {
                number: judged.command,
                text: judged.text.clone(),
                parameters: judged.parameters.iter().map(written).collect(),
                result: None,
            }),
            _ => None,
        };
        self.steps.push(Step {
            at: record.at.clone(),
            after_ms,
            outcome: gist.outcome,
            weight: gist.weight,
            rules: gist.rules.iter().map(|rule| (*rule).to_owned()).collect(),
            says: gist.says,
            command,
        });
    }

    /// Puts the end of a command to its beginning, which is never far away. Returns whether it was found.
    fn end(&mut self, number: u64, gist: &Gist<'_>) -> bool {
        let commands = self.steps.iter_mut().rev().filter_map(|step| step.command.as_mut());
        let Some(command) = commands.take(256).find(|command| command.number == number) else { return false };
        command.result = Some(Answered {
            outcome: gist.outcome,
            says: gist.says.clone(),
            rows: gist.rows.unwrap_or_default(),
            bytes: gist.received_bytes.unwrap_or_default(),
            took_us: gist.took_us.unwrap_or_default(),
        });
        true
    }

    pub fn commands(&self) -> impl Iterator<Item = (&Step, &Command)> {
        self.steps.iter().filter_map(|step| step.command.as_ref().map(|command| (step, command)))
    }

    pub fn denied(&self) -> usize {
        self.steps.iter().filter(|step| step.outcome == Outcome::Denied).count()
    }

    /// From the first record to the last.
    pub fn lasted_ms(&self) -> i64 {
        self.steps.last().map_or(0, |step| step.after_ms)
    }
}

impl Step {
    /// Whether somebody who reads wants to see it before all others.
    pub fn stands_out(&self) -> bool {
        self.weight >= Weight::Warning || self.outcome == Outcome::Denied
    }
}

/// A parameter as people read it.
fn written(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Text(text) => format!("'{text}'"),
        Value::Binary(digits) => format!("\\x{digits}"),
        Value::Long { bytes, sha256 } => format!("({bytes} bytes, sha256 {sha256})"),
    }
}

fn millis(at: &str) -> i64 {
    moment::unix_millis(at).unwrap_or_default()
}
