//! What bounds commands beyond the size of their results: how many begin within a minute and run at a time
//! (`gauge.rs`), and how long one may take (`overseer.rs`, which has commands cancelled at the target).

mod gauge;
mod overseer;

pub use gauge::{Gauge, Gauges, Place};
pub use overseer::{Overseer, Summons};
