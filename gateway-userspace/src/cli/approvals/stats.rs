//! Which rules ask most, and what people answered: a rule that is always answered yes is one to write otherwise.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::approvals::{Request, State};

/// What became of the requests of one rule.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub asked: u64,
    pub pending: u64,
    pub approved: u64,
    pub denied: u64,
    pub timed_out: u64,
    pub withdrawn: u64,
}

pub fn count(requests: &[Request]) -> BTreeMap<String, Counted> {
    let mut rules: BTreeMap<String, Counted> = BTreeMap::new();
    for request in requests {
        for rule in &request.rules {
            let counted = rules.entry(rule.clone()).or_default();
            counted.asked += request.times;
            *match request.state {
                State::Pending => &mut counted.pending,
                State::Approved { .. } | State::Used => &mut counted.approved,
                State::Denied { .. } => &mut counted.denied,
                State::TimedOut => &mut counted.timed_out,
                State::Withdrawn { .. } => &mut counted.withdrawn,
            } += 1;
        }
    }
    rules
}

pub fn table(rules: &BTreeMap<String, Counted>) -> String {
    let mut text = format!(
        "{:<24} {:>7} {:>8} {:>9} {:>7} {:>10} {:>10}\n",
        "rule", "asked", "pending", "approved", "denied", "timed out", "withdrawn"
    );
    for (rule, it) in rules {
        text += &format!(
            "{rule:<24} {:>7} {:>8} {:>9} {:>7} {:>10} {:>10}\n",
            it.asked, it.pending, it.approved, it.denied, it.timed_out, it.withdrawn
        );
    }
    text
}
