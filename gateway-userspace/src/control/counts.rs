//! What was refused and asked since the gateway started.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gateway_audit::event::{AnswerGiven, Denial};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The agent under which things are counted that are nobody's.
const NOBODY: &str = "-";

#[derive(Debug, Default)]
pub struct Counts(Mutex<Counted>);

/// Numbers by agent, and by what happened.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    pub opened: BTreeMap<String, u64>,
    pub denied: BTreeMap<String, BTreeMap<String, u64>>,
    /// Refused because their record could not be written.
    pub unrecorded: u64,
    pub kernel_refused: BTreeMap<String, BTreeMap<String, u64>>,
    pub kernel_refusals_lost: u64,
    pub asked: BTreeMap<String, BTreeMap<String, u64>>,
    /// Commands that went on only because somebody observes.
    #[serde(default)]
    pub would_deny: BTreeMap<String, u64>,
}

impl Counts {
    pub fn snapshot(&self) -> Counted {
        self.counted().clone()
    }

    pub fn opened(&self, agent: &str) {
        *self.counted().opened.entry(agent.to_owned()).or_default() += 1;
    }

    pub fn denied(&self, agent: Option<&str>, because: Denial) {
        add(&mut self.counted().denied, agent, &word(&because));
    }

    pub fn unrecorded(&self) {
        self.counted().unrecorded += 1;
    }

    pub fn kernel_refused(&self, agent: Option<&str>, act: &str) {
        add(&mut self.counted().kernel_refused, agent, act);
    }

    pub fn kernel_refusals_lost(&self, count: u64) {
        self.counted().kernel_refusals_lost += count;
    }

    pub fn asked(&self, agent: Option<&str>, answer: AnswerGiven) {
        add(&mut self.counted().asked, agent, &word(&answer));
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(counts: &mut BTreeMap<String, BTreeMap<String, u64>>, agent: Option<&str>, what: &str) {
    let of_agent = counts.entry(agent.unwrap_or(NOBODY).to_owned()).or_default();
    *of_agent.entry(what.to_owned()).or_default() += 1;
}

/// The word that stands for it in records.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "other".to_owned(),
    }
}
