//! Statements and what they do.

mod reading;
mod tables;
