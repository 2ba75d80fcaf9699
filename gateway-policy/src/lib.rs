#![no_std]
#![forbid(unsafe_code)]
//! Pure decisions: which cgroups are an agent's, which target a destination is, which level of
//! enforcement holds, what a command may do.
//!
//! Same inputs, same answer: no clock, no socket, no file. What needs to be looked up is looked up by
//! the caller and handed in.
extern crate alloc;

pub mod agent;
pub mod command;
pub mod facts;
pub mod judge;
pub mod level;
pub mod target;
mod words;
