//! What a connection is once it is understood: who speaks, what may run, and what is kept of it.
#![allow(dead_code, unused_imports)] // until the first login comes through

pub mod judging;
pub mod postgres;
