//! Whether the transaction that a command runs in can write, as far as that is certain.
//!
//! Nobody reports it, so it is followed from the commands themselves, and only a single BEGIN or SET TRANSACTION that
//! says READ ONLY makes it certain. Whatever could make it otherwise ends the certainty.

use gateway_policy::command::{State, Transaction};
use gateway_policy::facts::{Effect, Facts, Kind, On, TransactionAccess};

/// What new transactions are, where the target reports it.
const DEFAULT: &str = "default_transaction_read_only";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Access {
    /// The open transaction cannot write.
    read_only: bool,
}

impl Access {
    /// Of the transaction that the next command runs in, or begins.
    pub fn of_next(self, state: &State) -> Option<TransactionAccess> {
        match state.transaction {
            Transaction::Open if self.read_only => Some(TransactionAccess::ReadOnly),
            Transaction::None if begins_read_only(state) => Some(TransactionAccess::ReadOnly),
            Transaction::None | Transaction::Open | Transaction::Failed => None,
        }
    }

    /// Whether a message does anything that `note` has to hear of.
    pub fn is_changed_by(facts: &Facts) -> bool {
        facts
            .statements
            .iter()
            .flat_map(|statement| &statement.effects)
            .any(|effect| ends_certainty(effect) || matches!(effect.kind, Kind::Begin | Kind::SetTransaction))
    }

    /// A message is on its way to the target.
    pub fn note(&mut self, facts: &Facts, state: &State) {
        if !Self::is_changed_by(facts) {
            return;
        }
        let mut effects = facts.statements.iter().flat_map(|statement| &statement.effects);
        let (Some(first), None) = (effects.next(), effects.next()) else {
            // Which of them comes about is not known before it has.
            self.read_only = false;
            return;
        };
        match (first.kind, &first.on) {
            (Kind::Begin | Kind::SetTransaction, On::Transaction(modes)) => match modes.access {
                Some(access) => self.read_only = access == TransactionAccess::ReadOnly,
                None if first.kind == Kind::Begin && state.transaction == Transaction::None => {
                    self.read_only = begins_read_only(state);
                }
                None => (),
            },
            _ if ends_certainty(first) => self.read_only = false,
            _ => (),
        }
    }
}

fn begins_read_only(state: &State) -> bool {
    state.setting(DEFAULT) == Some("on")
}

fn ends_certainty(effect: &Effect) -> bool {
    match (effect.kind, &effect.on) {
        (Kind::Set | Kind::Reset, On::Setting(setting)) => {
            ["transaction_read_only", DEFAULT, "session characteristics", "all"]
                .contains(&setting.name.as_str())
        }
        (kind, _) => matches!(
            kind,
            Kind::Commit
                | Kind::Rollback
                | Kind::Savepoint
                | Kind::TwoPhase
                | Kind::Discard
                | Kind::Do
                | Kind::Call
        ),
    }
}
