//! The keys of a rule that holds.

use std::num::NonZeroU16;

use gateway_policy::approval::{Escalation, Meanwhile, Terms};
use gateway_policy::rule::Stance;

use super::RuleKeys;
use crate::config::section::Section;

/// What only a rule that holds can say.
pub(super) const KEYS: [&str; 8] =
    ["approvers", "quorum", "wait", "escalate", "escalate_to", "answers", "lasts", "refuse_at_once"];

pub(super) fn check(keys: &RuleKeys, stance: Stance, section: &Section<'_>, wrong: &dyn Fn(&str, &str)) {
    if stance != Stance::Hold {
        if let Some(key) = KEYS.iter().find(|key| section.says(key)) {
            wrong(&format!("has `{key}`, and holds nothing"), "write `effect = \"hold\"`, or remove the key");
        }
        return;
    }
    if keys.approvers.is_empty() {
        wrong("holds, and nobody may say yes", "add `approvers`, such as `approvers = \"unix:dba\"`");
    }
    if keys.escalate.is_some() == keys.escalate_to.is_empty() {
        wrong("escalates by half", "write both `escalate` and `escalate_to`, or none of them");
    }
    if keys.escalate.is_some_and(|after| after >= keys.wait) {
        wrong("escalates when nobody waits any more", "make `escalate` shorter than `wait`");
    }
}

impl RuleKeys {
    pub(super) fn terms(&self) -> Terms {
        let escalation = self.escalate.map(|after| Escalation { after, to: self.escalate_to.clone() });
        Terms {
            approvers: self.approvers.clone(),
            quorum: NonZeroU16::new(self.quorum).unwrap_or(NonZeroU16::MIN),
            wait: self.wait,
            escalation,
            reaches: self.answers.clone(),
            lasts: self.lasts,
            meanwhile: if self.refuse_at_once { Meanwhile::Refused } else { Meanwhile::Waits },
        }
    }
}
