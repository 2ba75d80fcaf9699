//! Statements and what they do.

mod bounds;
mod properties;
mod reading;
mod tables;
mod views;
