//! One file for each target.

pub mod policy_names;
pub mod postgres_conversation;
pub mod postgres_login;
pub mod postgres_messages;
pub mod postgres_scram;
pub mod postgres_startup;

use crate::Target;

/// All of them.
pub const ALL: [Target; 6] = [
    policy_names::TARGET,
    postgres_conversation::TARGET,
    postgres_login::TARGET,
    postgres_messages::TARGET,
    postgres_scram::TARGET,
    postgres_startup::TARGET,
];
