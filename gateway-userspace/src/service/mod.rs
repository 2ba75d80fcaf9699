//! What makes a process a service: its service manager.

pub mod notify;
