#![forbid(unsafe_code)]
//! The evidence format: what happened, in words that can be read without a daemon.

pub mod event;
pub mod session;
