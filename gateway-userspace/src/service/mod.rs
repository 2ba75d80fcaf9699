//! What makes a process a service: its privileges, its limits, its signals and its service manager.

pub mod folders;
pub mod limits;
pub mod memory;
pub mod notify;
pub mod privileges;
pub mod signals;
