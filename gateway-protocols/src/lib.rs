#![no_std]
#![forbid(unsafe_code)]
//! Protocols that the gateway speaks, without sockets: bytes of either side go in, a decision is asked for
//! where one is needed, and it is said which bytes go where.
extern crate alloc;

pub mod conversation;
pub mod jose;
pub mod postgres;
