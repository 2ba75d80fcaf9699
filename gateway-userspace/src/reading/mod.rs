//! Reads records for people. Only the files are needed, and leave to read them.
//!
//! `follow.rs` goes through all logs of a folder, from wherever somebody stopped. The index (`index.rs`) remembers of
//! each session what lists ask for; it is a cache that can be made again. `timeline.rs` is one session from its beginning
//! to its end, which `screen.rs`, `report.rs` and `cast.rs` show. Whether records are whole is `postern sessions verify`'s
//! to say.

pub mod cast;
#[cfg(test)]
pub mod fixture;
pub mod follow;
pub mod html;
pub mod index;
pub mod logs;
pub mod paint;
pub mod screen;
#[cfg(test)]
mod tests;
pub mod timeline;
