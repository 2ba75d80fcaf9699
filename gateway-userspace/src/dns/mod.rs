//! The resolver front: the only DNS that agents have.
//!
//! It answers an agent's questions for the exact host names of its own targets, from the host's resolver,
//! and refuses every other. Nothing of a question is passed on but a name that stands in the configuration,
//! so a question cannot carry data out. Every question is recorded before it is answered.

mod message;
mod tcp;
mod udp;

use std::sync::Arc;

use gateway_audit::event::{AnswerGiven, Asked, Event, Transport};

use crate::attribution::Enforcer;
use crate::attribution::wire::Attribution;
use crate::audit::Recorder;
use crate::audit::strangers::Strangers;
use crate::control::counts::Counts;
use crate::report::one_line;
use crate::targets::{NameAnswer, Targets};
use message::{Malformed, Question, Verdict};
pub use udp::Desk;

/// No question needs more; a longer one is malformed.
const MAX_QUESTION: usize = 4096;

/// Answers agents' questions, whichever way they come.
#[derive(Debug, Clone)]
pub struct Front {
    pub enforcer: Arc<Enforcer>,
    pub targets: Arc<Targets>,
    pub recorder: Recorder,
    pub counts: Arc<Counts>,
    pub strangers: Arc<Strangers>,
}

impl Front {
    /// The answer to an agent's message, or `None` when it deserves none or could not be recorded.
    async fn reply(&self, whose: &Attribution, transport: Transport, message: &[u8]) -> Option<Vec<u8>> {
        let mut asked = Asked {
            who: Some(whose.into()),
            transport,
            name: None,
            kind: None,
            answer: AnswerGiven::Malformed,
        };
        let reply = match Question::read(message) {
            Ok(question) => {
                let verdict = self.judge(whose, &question).await;
                asked.name = Some(question.name());
                asked.kind = Some(question.kind());
                asked.answer = verdict.given();
                question.reply(&verdict, transport)
            }
            Err(Malformed::Answerable { reply }) => Some(reply),
            Err(Malformed::Noise) => None,
        };
        self.record(asked).await.then_some(reply).flatten()
    }

    async fn judge(&self, whose: &Attribution, question: &Question) -> Verdict {
        if !question.is_plain() {
            return Verdict::Refused;
        }
        match self.targets.answer(&whose.agent, &question.name()).await {
            NameAnswer::NotAllowed => Verdict::Refused,
            NameAnswer::Failed => Verdict::Failed,
            NameAnswer::Found(lookup) => question.select(&lookup),
        }
    }

    /// Whether the question stands in the records. If it does not, it is not answered.
    async fn record(&self, asked: Asked) -> bool {
        self.counts.asked(asked.who.as_ref().map(|who| who.agent.as_str()), asked.answer);
        match self.recorder.record(Event::Asked(asked)).await {
            Ok(_recorded) => true,
            Err(error) => {
                tracing::error!(
                    error = one_line(&error),
                    "a question was not answered because it could not be recorded"
                );
                self.counts.unrecorded();
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
