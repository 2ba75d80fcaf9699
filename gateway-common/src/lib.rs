//! What kernel side and user side agree on: the shape of every map entry, and the kernel's decisions as plain
//! functions that are tested on the host. Nothing here reads memory it was not handed.
#![no_std]
#![cfg_attr(not(feature = "user"), forbid(unsafe_code))]

pub mod event;
pub mod flow;
pub mod layout;
pub mod settings;
#[cfg(feature = "user")]
mod user;
pub mod verdict;
pub mod watch;

/// The version of every shape in this crate. Pins live in a directory of this name, so that an upgrade which
/// changes a shape never reads the maps of another version.
pub const ABI: u32 = 1;
