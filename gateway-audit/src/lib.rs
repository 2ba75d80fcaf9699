#![forbid(unsafe_code)]
//! The evidence format: what happened, in words that can be read without a daemon.
//!
//! `event.rs`, `session.rs` and `file.rs` say what a record can tell, `canonical.rs` how it is written, `chain.rs` how each one
//! vouches for the one before, `checkpoint.rs` how all of it is signed. `layout.rs` knows the files, `reader.rs` reads
//! them, and `verify.rs` finds out whether anything was changed. docs/audit-format.md says the same in prose.

pub mod approval;
pub mod canonical;
pub mod cef;
pub mod chain;
pub mod checkpoint;
pub mod control;
pub mod ecs;
pub mod event;
pub mod file;
pub mod gist;
pub mod layout;
pub mod lease;
pub mod moment;
pub mod ocsf;
pub mod origin;
pub mod reader;
pub mod samples;
pub mod session;
pub mod verify;
pub mod visible;
mod wide;
