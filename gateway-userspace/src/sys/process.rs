//! Making a process, and leaving it nothing that it did not ask for.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use nix::unistd::{ForkResult, Pid};
use thiserror::Error;

const FIRST_AFTER_STANDARD: u32 = 3;

/// On which side of a fork we are.
#[derive(Debug, Clone, Copy)]
pub enum Forked {
    Child,
    Parent(Pid),
}

#[derive(Debug, Error)]
pub enum ForkError {
    #[error("cannot count this process's threads")]
    Count(#[source] io::Error),
    #[error("a process with {0} threads cannot be forked")]
    Threads(usize),
    #[error("cannot fork")]
    Fork(#[source] io::Error),
}

/// Forks a process that has one thread, so that the child may do whatever its parent could.
pub fn fork() -> Result<Forked, ForkError> {
    let threads = std::fs::read_dir("/proc/self/task").map_err(ForkError::Count)?.count();
    if threads != 1 {
        return Err(ForkError::Threads(threads));
    }
    // SAFETY: no other thread can hold a lock that the child would wait for.
    match unsafe { nix::unistd::fork() } {
        Ok(ForkResult::Child) => Ok(Forked::Child),
        Ok(ForkResult::Parent { child }) => Ok(Forked::Parent(child)),
        Err(error) => Err(ForkError::Fork(error.into())),
    }
}

/// Closes everything but standard input, output and error, and `kept`.
pub fn close_all_but(kept: BorrowedFd<'_>) -> io::Result<()> {
    let kept = kept.as_raw_fd().cast_unsigned();
    if kept > FIRST_AFTER_STANDARD {
        close_range(FIRST_AFTER_STANDARD, kept - 1)?;
    }
    close_range(FIRST_AFTER_STANDARD.max(kept + 1), u32::MAX)
}

fn close_range(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: whoever calls is about to become another program; nothing here uses these descriptors again.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0_u32) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
