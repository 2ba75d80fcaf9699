//! PostgreSQL, protocol 3.0 and 3.2.

pub mod backend;
pub mod conversation;
pub mod frame;
pub mod frontend;
pub mod login;
pub mod refusal;
pub mod scram;
pub mod startup;
pub mod welcome;
pub mod wishes;
