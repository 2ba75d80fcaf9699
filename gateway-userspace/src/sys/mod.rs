//! The only place for `unsafe`: system calls that no crate wraps, each behind a small safe function.
#![allow(unsafe_code)]

pub mod bpf;
pub mod clock;
pub mod seqpacket;
