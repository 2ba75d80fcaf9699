//! How much of something a permit allows.

use core::time::Duration;

/// Bounds of what an agent may have and do at a target. `None` is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Rows that a statement may return.
    pub rows: Option<u64>,
    /// Bytes of rows that a statement may return, as they are on the wire.
    pub bytes: Option<u64>,
    /// How long a statement may take.
    pub time: Option<Duration>,
    /// Statements that may begin within a minute, in all sessions of the agent at the target.
    pub per_minute: Option<u32>,
    /// Statements that may run at a time, in all sessions of the agent at the target.
    pub concurrent: Option<u32>,
}

impl Limits {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What a result is bounded by.
    pub fn most(&self) -> Most {
        Most { rows: self.rows.unwrap_or(u64::MAX), bytes: self.bytes.unwrap_or(u64::MAX) }
    }

    /// The tighter bound of both, for each of them.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        Self {
            rows: tighter(self.rows, other.rows),
            bytes: tighter(self.bytes, other.bytes),
            time: tighter(self.time, other.time),
            per_minute: tighter(self.per_minute, other.per_minute),
            concurrent: tighter(self.concurrent, other.concurrent),
        }
    }
}

/// The most that a command may return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    pub rows: u64,
    pub bytes: u64,
}

/// Which of them is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Rows,
    Bytes,
}

impl Default for Most {
    /// Anything.
    fn default() -> Self {
        Self { rows: u64::MAX, bytes: u64::MAX }
    }
}

impl Most {
    /// The first bound that so much is beyond.
    pub const fn exceeded_by(self, rows: u64, bytes: u64) -> Option<Bound> {
        if rows > self.rows {
            Some(Bound::Rows)
        } else if bytes > self.bytes {
            Some(Bound::Bytes)
        } else {
            None
        }
    }

    pub const fn is_anything(self) -> bool {
        self.rows == u64::MAX && self.bytes == u64::MAX
    }

    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { rows: self.rows.min(other.rows), bytes: self.bytes.min(other.bytes) }
    }
}

fn tighter<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bound_is_looser_than_any() {
        let few = Limits { rows: Some(10), time: Some(Duration::from_secs(1)), ..Limits::default() };
        let many = Limits { rows: Some(20), concurrent: Some(3), ..Limits::default() };
        let both = Limits { rows: Some(10), time: few.time, concurrent: Some(3), ..Limits::default() };
        assert_eq!(few.tighter(many), both);
        assert_eq!(many.tighter(few), both);
        assert!(Limits::default().is_none() && !few.is_none());
        assert_eq!(few.tighter(Limits::default()), few);
    }
}
