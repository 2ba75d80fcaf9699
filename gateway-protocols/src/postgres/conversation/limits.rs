//! How much a conversation may hold.

/// Bounds of what one connection makes the gateway keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest message that is read. What need not be read as a whole, such as a row that stays as it is, may be
    /// longer.
    pub message: usize,
    /// Prepared statements at a time.
    pub statements: usize,
    /// Bytes of their texts.
    pub statement_bytes: usize,
    /// Portals at a time.
    pub portals: usize,
    /// Bytes of their parameters.
    pub portal_bytes: usize,
    /// Messages that were sent and not answered. Beyond it the agent is not read until the target has answered.
    pub unanswered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 16 << 20,
            statements: 8_192,
            statement_bytes: 32 << 20,
            portals: 1_024,
            portal_bytes: 8 << 20,
            unanswered: 16_384,
        }
    }
}
