//! PostgreSQL, from an agent's first byte to the relay: `greeting.rs` receives the agent.

pub mod greeting;
