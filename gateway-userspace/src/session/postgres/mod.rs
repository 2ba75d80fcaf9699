//! PostgreSQL, from an agent's first byte to the relay: `greeting.rs` receives the agent, with what `reception.rs` has
//! ready for all of them; `upstream` logs in at the target; `admission.rs` is the way from the one to the other, and
//! `cancel.rs` knows whose queries can be cancelled.

pub mod admission;
pub mod cancel;
pub mod greeting;
pub mod placeholders;
pub mod reception;
pub mod upstream;
