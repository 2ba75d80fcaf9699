//! What somebody may do at the control socket.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::Account;
use crate::config::{self, Control};

/// Each may do what those before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees how things stand.
    Viewer,
    /// Also answers what waits for people.
    Approver,
    /// Also gives, ends and locks access.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The highest role that the configuration gives this account.
    pub fn of(account: &Account, control: &Control) -> Option<Self> {
        if account.uid == 0 {
            return Some(Self::Admin);
        }
        let by_role = [
            (Self::Admin, &control.admins),
            (Self::Operator, &control.operators),
            (Self::Approver, &control.approvers),
            (Self::Viewer, &control.viewers),
        ];
        let names = |named: &config::Account| match named {
            config::Account::User(user) => account.user.as_deref() == Some(user),
            config::Account::Group(group) => account.groups.iter().any(|own| own == group),
        };
        by_role.into_iter().find(|(_, accounts)| accounts.iter().any(names)).map(|(role, _)| role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture;

    fn account(uid: u32, user: &str, groups: &[&str]) -> Account {
        Account {
            uid,
            user: Some(user.to_owned()),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    #[test]
    fn the_highest_role_counts_and_nobody_has_one_by_accident() {
        let control = fixture(
            "[control]\napprovers = \"group:leads\"\noperators = [\"user:olga\", \"group:ops\"]\nadmins = \"user:anna\"\n",
        )
        .control;
        let role = |uid, user, groups: &[&str]| Role::of(&account(uid, user, groups), &control);
        assert_eq!(role(0, "root", &[]), Some(Role::Admin));
        assert_eq!(role(7, "anna", &[]), Some(Role::Admin));
        assert_eq!(role(7, "olga", &["postern", "leads"]), Some(Role::Operator));
        assert_eq!(role(7, "bob", &["ops"]), Some(Role::Operator));
        assert_eq!(role(7, "lea", &["leads"]), Some(Role::Approver));
        assert_eq!(role(7, "vic", &["postern"]), Some(Role::Viewer));
        assert_eq!(role(7, "ops", &["olga", "user:anna"]), None);
    }
}
