//! The only place for `unsafe`: system calls that no crate wraps, each behind a small safe function.
#![allow(unsafe_code)]

pub mod bpf;
pub mod capabilities;
pub mod clock;
pub mod file;
mod netns;
pub mod process;
pub mod raw;
pub mod seqpacket;
pub mod tcp;
pub mod writer;

use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

pub use netns::{cookie_of, netns_cookie};

/// Takes charge of a descriptor that a system call has just returned.
pub fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: the callers pass what the kernel returned to them a moment ago, and keep no copy.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
