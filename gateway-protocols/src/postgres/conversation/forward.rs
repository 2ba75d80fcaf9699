//! The only place where a command goes on to the target.
//!
//! Forwarding consumes the permit, and only what was forwarded can be awaited, so that a command without a permit
//! neither compiles into a message that goes on nor into an answer that is expected.
//!
//! A permit can be asked and burdened by anybody:
//!
//! ```
//! use gateway_policy::judge::{Obligations, Permit};
//! fn burden(permit: Permit) -> Permit {
//!     permit.obliged(Obligations::default())
//! }
//! ```
//!
//! and made by nobody but the judge:
//!
//! ```compile_fail
//! use gateway_policy::judge::{Obligations, Permit};
//! fn copy(permit: &Permit) -> Permit {
//!     Permit { basis: permit.basis.clone(), obligations: Obligations::default() }
//! }
//! ```
//!
//! ```compile_fail
//! use gateway_policy::judge::Permit;
//! fn copy(permit: &Permit) -> Permit {
//!     permit.clone()
//! }
//! ```

use core::ops::Range;

use gateway_policy::judge::{Obligations, Permit, Rows, Settings};
use gateway_policy::limits::Most;

use crate::conversation::{CommandNumber, Plan};

/// A command that may run, and did not go on yet.
#[derive(Debug)]
#[must_use]
pub(super) struct Allowed {
    pub(super) command: CommandNumber,
    pub(super) permit: Permit,
}

/// A command that went on with a permit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forwarded {
    command: CommandNumber,
    rows: Rows,
    settings: Settings,
    most: Most,
}

impl Forwarded {
    pub(super) fn command(self) -> CommandNumber {
        self.command
    }

    pub(super) fn rows(self) -> Rows {
        self.rows
    }

    /// The most that it may return.
    pub(super) fn most(self) -> Most {
        self.most
    }

    pub(super) fn is_bounded(self) -> bool {
        !self.most.is_anything()
    }

    pub(super) fn settings(self) -> Settings {
        self.settings
    }
}

/// Passes the message on that carries a command.
pub(super) fn forward(allowed: Allowed, part: Range<usize>, plan: &mut Plan) -> Forwarded {
    plan.pass(part);
    renew(allowed)
}

/// Uses the permit for what went on earlier and is to run now.
pub(super) fn renew(allowed: Allowed) -> Forwarded {
    let Obligations { rows, settings, most, record: _ } = allowed.permit.obligations();
    Forwarded { command: allowed.command, rows, settings, most }
}

/// Passes an Execute on: it runs what went on when it was bound.
pub(super) fn forward_bound(_bound: Forwarded, part: Range<usize>, plan: &mut Plan) {
    plan.pass(part);
}
