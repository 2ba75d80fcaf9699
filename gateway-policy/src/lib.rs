#![no_std]
#![forbid(unsafe_code)]
//! Pure decisions: which cgroups are an agent's, which target a destination is, which level of
//! enforcement holds, what a command may do.
//!
//! Same inputs, same answer: no clock, no socket, no file. What needs to be looked up is looked up by
//! the caller and handed in.
extern crate alloc;

pub mod access;
mod action;
pub mod agent;
pub mod approval;
mod bench;
pub mod command;
pub mod explain;
pub mod facts;
pub mod judge;
pub mod level;
pub mod limits;
mod pattern;
pub mod person;
pub mod policy;
mod refusing;
pub mod rule;
pub mod target;
pub mod when;
mod words;
