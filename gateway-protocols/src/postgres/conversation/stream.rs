//! The message that is on its way from one side and needs not be seen as a whole.

use crate::conversation::Plan;

/// How much of a message is still to come, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Pass(usize),
    Drop(usize),
}

impl Default for Stream {
    fn default() -> Self {
        Self::Drop(0)
    }
}

impl Stream {
    /// Deals with what is there of the message. Returns how many bytes that is.
    pub(super) fn carry(&mut self, at: usize, available: usize, plan: &mut Plan) -> usize {
        let (Self::Pass(left) | Self::Drop(left)) = self;
        let carried = available.min(*left);
        *left = left.saturating_sub(carried);
        if matches!(self, Self::Pass(_)) {
            plan.pass(at..at.saturating_add(carried));
        }
        carried
    }

    /// Whether all of the message has come.
    pub(super) fn is_done(self) -> bool {
        let (Self::Pass(left) | Self::Drop(left)) = self;
        left == 0
    }

    /// Whether whoever gets this stream can be told something else now.
    pub(super) fn is_between_messages(self) -> bool {
        matches!(self, Self::Drop(_)) || self.is_done()
    }
}
