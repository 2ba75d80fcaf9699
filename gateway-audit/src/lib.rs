#![forbid(unsafe_code)]
//! The evidence format.
