//! Whether a command may run. Only this crate can say yes.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::approval::{Held, Hold, NotApproved};
use crate::facts::Reason;
use crate::limits::{Limits, Most};

/// The answer to a command.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    Allow(Permit),
    /// Not before people have said yes.
    Hold(Hold),
    Deny(Denial),
}

/// Leave for one command. It can be made here only, and forwarding a command takes one.
///
/// ```compile_fail,E0451
/// use gateway_policy::judge::{Obligations, Permit};
///
/// let permit = Permit { basis: Default::default(), obligations: Obligations::default() };
/// ```
#[derive(Debug)]
#[must_use]
pub struct Permit {
    basis: Arc<Basis>,
    obligations: Obligations,
}

impl Permit {
    pub(crate) fn new(basis: Arc<Basis>, obligations: Obligations) -> Self {
        let most = obligations.most.and(basis.limits.most());
        Self { basis, obligations: Obligations { most, ..obligations } }
    }

    /// The rules that allowed it. None where commands are not judged.
    pub fn rules(&self) -> &[RuleName] {
        &self.basis.rules
    }

    /// What would have been denied, had it not only been observed.
    pub fn observed(&self) -> Option<&Denial> {
        self.basis.observed.as_ref()
    }

    /// What it is bounded by.
    pub fn limits(&self) -> &Limits {
        &self.basis.limits
    }

    pub fn obligations(&self) -> Obligations {
        self.obligations
    }

    /// Adds to what it demands. Nobody can take a demand away again.
    pub fn obliged(mut self, more: Obligations) -> Self {
        self.obligations.rows = self.obligations.rows.max(more.rows);
        self.obligations.settings = self.obligations.settings.max(more.settings);
        self.obligations.most = self.obligations.most.and(more.most);
        self.obligations.record = self.obligations.record.max(more.record);
        self
    }
}

/// What a permit demands of whoever forwards the command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Obligations {
    pub rows: Rows,
    pub settings: Settings,
    /// The most that may be returned.
    pub most: Most,
    pub record: Durability,
}

/// What the record of a command has to outlive before the command goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// The end of the gateway: it is with the kernel.
    #[default]
    Buffered,
    /// A loss of power: it is on the disk.
    Durable,
}

/// What becomes of the rows that a command returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rows {
    #[default]
    AsTheyAre,
    /// Each value is shown to the session, which may put another in its place.
    Shown,
}

/// What a command does to how later ones are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settings {
    #[default]
    Kept,
    /// It may change settings, so nothing is judged until it has ended and its changes are known.
    Changed,
}

/// A no, and what the agent is told: never a text of policy, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What was refused.
    pub message: String,
    /// What would be allowed instead.
    pub hint: Option<String>,
    /// For the record.
    pub because: Because,
}

/// What a denial rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// This rule denies it.
    Rule(RuleName),
    /// No rule allows it.
    NothingAllows,
    /// A rule would allow it under a condition that it does not meet.
    Condition(RuleName),
    /// As many run, or have begun within a minute, as may.
    Limit,
    /// It could not be told what it does.
    Unknown(Reason),
    /// People were to be asked, and have not said yes.
    NotApproved(NotApproved),
}

/// The name of a rule, as the configuration and the record write it.
pub type RuleName = Arc<str>;

/// What was found about a command, to be kept for when the same command comes again.
#[derive(Debug, Clone)]
pub struct Judgement {
    found: Arc<Found>,
    lasting: Lasting,
}

/// For how long a judgement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// As long as the rules and the reading of the text stay the same.
    AsRead,
    /// For one command: what it rests on may be otherwise for the next.
    Once,
}

#[derive(Debug)]
enum Found {
    Allowed(Arc<Basis>),
    Held(Arc<Held>),
    Denied(Denial),
}

#[derive(Debug, Default)]
pub(crate) struct Basis {
    pub(crate) rules: Vec<RuleName>,
    pub(crate) observed: Option<Denial>,
    pub(crate) limits: Limits,
}

impl Judgement {
    /// For targets whose commands are recorded and not judged.
    pub fn unjudged() -> Self {
        Self::allowed(Basis::default())
    }

    pub(crate) fn allowed(basis: Basis) -> Self {
        Self { found: Arc::new(Found::Allowed(Arc::new(basis))), lasting: Lasting::AsRead }
    }

    pub(crate) fn held(held: Held) -> Self {
        Self { found: Arc::new(Found::Held(Arc::new(held))), lasting: Lasting::AsRead }
    }

    pub(crate) fn denied(denial: Denial) -> Self {
        Self { found: Arc::new(Found::Denied(denial)), lasting: Lasting::AsRead }
    }

    pub(crate) fn lasting(self, lasting: Lasting) -> Self {
        Self { lasting, ..self }
    }

    pub fn lasts(&self) -> Lasting {
        self.lasting
    }

    /// The answer for one more command of the same kind.
    pub fn verdict(&self) -> Verdict {
        match &*self.found {
            Found::Allowed(basis) => Verdict::Allow(Permit::new(Arc::clone(basis), Obligations::default())),
            Found::Held(held) => Verdict::Hold(Hold::new(Arc::clone(held))),
            Found::Denied(denial) => Verdict::Deny(denial.clone()),
        }
    }
}
