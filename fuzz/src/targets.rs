//! One file for each target.

pub mod identity_documents;
pub mod identity_tokens;
pub mod policy_names;
pub mod postgres_conversation;
pub mod postgres_login;
pub mod postgres_messages;
pub mod postgres_scram;
pub mod postgres_startup;
pub mod postgres_wishes;
pub mod records;
pub mod sql;

use crate::Target;

/// All of them.
pub const ALL: [Target; 11] = [
    identity_documents::TARGET,
    identity_tokens::TARGET,
    policy_names::TARGET,
    postgres_conversation::TARGET,
    postgres_login::TARGET,
    postgres_messages::TARGET,
    postgres_scram::TARGET,
    postgres_startup::TARGET,
    postgres_wishes::TARGET,
    records::TARGET,
    sql::TARGET,
];
