#![forbid(unsafe_code)]
//! The evidence format: what happened, in words that can be read without a daemon.

pub mod approval;
pub mod cef;
pub mod control;
pub mod ecs;
pub mod event;
pub mod gist;
pub mod lease;
pub mod moment;
pub mod ocsf;
pub mod origin;
pub mod samples;
pub mod session;
pub mod visible;
