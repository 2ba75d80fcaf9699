#![no_std]
#![forbid(unsafe_code)]
//! Pure decisions.
extern crate alloc;
