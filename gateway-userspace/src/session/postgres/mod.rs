//! PostgreSQL, from an agent's first byte to the relay: `greeting.rs` receives the agent, with what `reception.rs` has
//! ready for all of them; `upstream` logs in at the target; `cancel.rs` cancels queries for agents.

pub mod cancel;
pub mod greeting;
pub mod reception;
pub mod upstream;
