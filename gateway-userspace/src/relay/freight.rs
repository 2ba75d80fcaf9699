//! What a connection carries: opaque bytes, or a conversation that is understood.

use std::sync::Arc;

use gateway_protocols::conversation::{
    Broken, Conversation, Court, Needs, Parting, Plan, Side, Taken, Unrecorded,
};

use super::bell::Bell;

/// What becomes of the bytes of a connection.
pub enum Freight {
    /// They go on as they are.
    Opaque,
    Spoken(Talk),
}

/// A conversation, and the session that judges it.
pub struct Talk {
    pub conversation: Box<dyn Conversation + Send>,
    pub court: Box<dyn Court + Send>,
    /// Rung when there is news for a command that waits for people.
    pub bell: Arc<Bell>,
}

impl Freight {
    /// Plans what happens to bytes of one side.
    pub fn take(&mut self, from: Side, bytes: &[u8], plan: &mut Plan) -> Result<Taken, Broken> {
        plan.clear();
        match self {
            Self::Opaque => {
                plan.pass(0..bytes.len());
                Ok(Taken { bytes: bytes.len(), needs: Needs::Bytes(1) })
            }
            Self::Spoken(talk) => talk.conversation.take(from, bytes, &mut *talk.court, plan),
        }
    }

    pub fn bell(&self) -> Option<&Arc<Bell>> {
        match self {
            Self::Opaque => None,
            Self::Spoken(talk) => Some(&talk.bell),
        }
    }

    pub fn awaits(&self) -> Option<Side> {
        match self {
            Self::Opaque => None,
            Self::Spoken(talk) => talk.conversation.awaits(),
        }
    }

    /// What is to be recorded is written: before anything goes on to the target, and when nothing moves.
    pub fn settle(&mut self) -> Result<(), Unrecorded> {
        match self {
            Self::Opaque => Ok(()),
            Self::Spoken(talk) => talk.court.settle(),
        }
    }

    /// The connection has ended.
    pub fn over(&mut self) {
        match self {
            Self::Opaque => (),
            Self::Spoken(talk) => {
                talk.conversation.over(&mut *talk.court);
                // What cannot be recorded any more is in the log.
                let _ = talk.court.settle();
            }
        }
    }

    /// Plans how both sides are told that the connection ends.
    pub fn part(&mut self, because: Parting, plan: &mut Plan) {
        plan.clear();
        match self {
            Self::Opaque => (),
            Self::Spoken(talk) => talk.conversation.part(because, plan),
        }
    }

    /// Whether a side can tell a whole stream from a broken one by what was said.
    pub fn is_understood(&self) -> bool {
        match self {
            Self::Opaque => false,
            Self::Spoken(_) => true,
        }
    }
}

impl std::fmt::Debug for Freight {
    /// What is said is nobody's business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_understood() { "Spoken" } else { "Opaque" })
    }
}
