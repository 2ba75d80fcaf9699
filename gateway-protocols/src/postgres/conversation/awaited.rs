//! What the target has still to answer, in the order in which it was sent.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::forward::Forwarded;
use super::names::{Name, Sent};
use crate::conversation::CommandNumber;
use crate::postgres::refusal::Refusal;

/// A queue that grew longer than this is given back once it is empty.
const KEPT: usize = 64;

/// A message whose answer is to come.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) sent: Sent,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// Answered by results up to a ReadyForQuery.
    Query {
        forwarded: Forwarded,
        deallocates: Option<Box<[u8]>>,
    },
    Parse {
        name: Name,
        forwarded: Forwarded,
    },
    Bind {
        name: Name,
        forwarded: Forwarded,
        /// When its statement was sent.
        parsed: u64,
    },
    /// Answered by the parameters of a statement, then by what follows.
    DescribeStatement,
    /// Answered by the columns of a result, or by the word that there are none.
    Columns,
    /// The same, asked by the gateway itself.
    OwnColumns(Forwarded),
    Execute {
        forwarded: Forwarded,
        deallocates: Option<Box<[u8]>>,
    },
    CloseStatement(Box<[u8]>),
    ClosePortal(Box<[u8]>),
    /// Answered by a ReadyForQuery.
    Sync,
    /// A Sync that the target may have dropped, since it was copying in when it came.
    DoubtfulSync,
    /// CopyDone or CopyFail: never answered by itself.
    CopyEnd,
    /// A Query that stands for a refused one, and fails.
    RefusedQuery(Refused),
    /// An Execute that stands for a refused message, and fails.
    RefusedStep(Refused),
}

/// What is said instead of the target's words.
#[derive(Debug)]
pub(super) struct Refused {
    /// By which the target's words are recognised.
    pub(super) number: u64,
    pub(super) refusal: Box<Refusal>,
}

/// All of it, the next to be answered first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: VecDeque<Awaited>,
    /// How many of them are answered by a ReadyForQuery.
    cycles: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, sent: Sent, what: What) {
        self.cycles = self.cycles.saturating_add(usize::from(what.ends_cycle()));
        self.entries.push_back(Awaited { sent, what });
    }

    /// Puts something in front of what is there.
    pub(super) fn push_front(&mut self, sent: Sent, what: What) {
        self.cycles = self.cycles.saturating_add(usize::from(what.ends_cycle()));
        self.entries.push_front(Awaited { sent, what });
    }

    pub(super) fn front(&self) -> Option<&Awaited> {
        self.entries.front()
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut Awaited> {
        self.entries.front_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Awaited> {
        let awaited = self.entries.pop_front()?;
        self.cycles = self.cycles.saturating_sub(usize::from(awaited.what.ends_cycle()));
        if self.entries.is_empty() && self.entries.capacity() > KEPT {
            self.entries.shrink_to(KEPT);
        }
        Some(awaited)
    }

    /// Whether another command that was sent after this is still to run.
    pub(super) fn others_run_after(&self, sequence: u64, command: CommandNumber) -> bool {
        let others = |what: &What| match what {
            What::Query { .. } => true,
            What::Execute { forwarded, .. } => forwarded.command() != command,
            _ => false,
        };
        self.entries.iter().any(|awaited| awaited.sent.sequence > sequence && others(&awaited.what))
    }

    /// When the statements were sent that are still to be bound.
    pub(super) fn to_be_bound(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().filter_map(|awaited| match awaited.what {
            What::Bind { parsed, .. } => Some(parsed),
            _ => None,
        })
    }

    /// Drops ends of copies, which nothing answers, from the front.
    pub(super) fn skip_copy_ends(&mut self) {
        while matches!(self.front(), Some(Awaited { what: What::CopyEnd, .. })) {
            self.pop();
        }
    }

    /// Drops what stands in front and may not be answered at all.
    pub(super) fn skip_doubtful(&mut self) {
        while matches!(self.front(), Some(Awaited { what: What::CopyEnd | What::DoubtfulSync, .. })) {
            self.pop();
        }
    }

    /// Whether no answer is sure to come.
    pub(super) fn is_settled(&self) -> bool {
        self.entries.iter().all(|awaited| matches!(awaited.what, What::CopyEnd | What::DoubtfulSync))
    }

    /// An error came: it is about what is sure to be answered, if there is such.
    pub(super) fn skip_doubtful_before_others(&mut self) {
        if !self.is_settled() {
            self.skip_doubtful();
        }
    }

    /// The first is copying in: Syncs up to the end of the copy may be dropped by the target. Returns whether the
    /// end was sent already.
    pub(super) fn doubt_syncs_of_copy(&mut self) -> bool {
        for awaited in self.entries.iter_mut().skip(1) {
            match awaited.what {
                What::CopyEnd => return true,
                What::Sync => awaited.what = What::DoubtfulSync,
                _ => return false,
            }
        }
        false
    }

    /// A copy came to its end: Syncs before that end were dropped by the target. `behind` is how many entries stand
    /// in front of what followed the copy.
    pub(super) fn drop_syncs_of_copy(&mut self, behind: usize) {
        while let Some(Awaited { what: What::DoubtfulSync | What::CopyEnd, .. }) = self.entries.get(behind) {
            let Some(removed) = self.entries.remove(behind) else { return };
            self.cycles = self.cycles.saturating_sub(usize::from(removed.what.ends_cycle()));
            if matches!(removed.what, What::CopyEnd) {
                return;
            }
        }
    }

    /// A ReadyForQuery came while the first was doubtful: the next one may not come.
    pub(super) fn doubt_next_sync(&mut self) {
        let next = self.entries.iter_mut().find(|awaited| !matches!(awaited.what, What::CopyEnd));
        if let Some(Awaited { what: what @ What::Sync, .. }) = next {
            *what = What::DoubtfulSync;
        }
    }

    /// Whether the target is at work on one cycle, the whole of which was sent.
    pub(super) fn is_one_cycle(&self) -> bool {
        let ended = |last: &Awaited| last.what.ends_cycle() || matches!(last.what, What::CopyEnd);
        self.cycles == 1 && self.entries.back().is_some_and(ended)
    }
}

impl What {
    fn ends_cycle(&self) -> bool {
        matches!(self, Self::Query { .. } | Self::Sync | Self::DoubtfulSync | Self::RefusedQuery(_))
    }
}
