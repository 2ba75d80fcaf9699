//! PostgreSQL, from an agent's first byte to the relay: `greeting.rs` receives the agent, with what `reception.rs` has
//! ready for all of them; `cancel.rs` cancels queries for them.

pub mod cancel;
pub mod greeting;
pub mod reception;
