//! System calls in the raw form that an escape needs: thin functions, safe to call with any argument, that say
//! which call was refused. Ordinary code uses std, nix and tokio instead.

mod address;
mod io;
mod kernel;
mod process;
mod socket;
mod uring;

use std::fmt;
use std::io::Error;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use serde::{Deserialize, Serialize};

pub use address::Address;
pub use io::{aio_write, ioctl, sendfile, splice, tee, vmsplice};
pub use kernel::{
    bpf_load_return_zero, bpf_map_create, bpf_object_get, bpf_object_pin, finit_module, keyring_add,
    perf_event_open,
};
pub use process::{
    Traced, become_dumpable, clone_into_cgroup, fork_and_ask, fork_and_forget, open_by_pid, pidfd_getfd,
    process_read, process_write, signal_value, wait_signal_value,
};
pub use socket::{
    accept, bind, connect, connect_bytes, listen, port_of, recv, recv_descriptor, send, send_descriptor,
    sendmmsg, sendmsg, sendto, set_bytes, set_int, socket, socket_pair,
};
pub use uring::Ring;

/// Where a sequence of calls came to its end: the call and its errno.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub call: String,
    pub errno: i32,
}

impl Stopped {
    pub fn at(call: &str, errno: i32) -> Self {
        Self { call: call.to_owned(), errno }
    }

    pub fn last(call: &str) -> Self {
        Self::from_io(call, &Error::last_os_error())
    }

    pub fn from_io(call: &str, error: &Error) -> Self {
        Self::at(call, error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, errno_name(self.errno))
    }
}

impl std::error::Error for Stopped {}

/// Names the call that an ordinary io::Result came from.
pub trait During<T> {
    fn during(self, call: &str) -> Result<T, Stopped>;
}

impl<T> During<T> for std::io::Result<T> {
    fn during(self, call: &str) -> Result<T, Stopped> {
        self.map_err(|error| Stopped::from_io(call, &error))
    }
}

impl<T> During<T> for nix::Result<T> {
    fn during(self, call: &str) -> Result<T, Stopped> {
        self.map_err(|errno| Stopped::at(call, errno as i32))
    }
}

/// `EPERM`, as engineers look it up.
pub fn errno_name(errno: i32) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno))
}

/// Takes over a descriptor that was inherited under this number.
pub fn adopt(number: RawFd) -> Result<OwnedFd, Stopped> {
    // SAFETY: F_GETFD only reads the descriptor table.
    let open = unsafe { libc::fcntl(number, libc::F_GETFD) };
    check("fcntl", open.into())?;
    // SAFETY: the descriptor is open, and its number was handed to this process to own.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn check(call: &str, result: i64) -> Result<i64, Stopped> {
    if result < 0 { Err(Stopped::last(call)) } else { Ok(result) }
}

fn check_fd(call: &str, result: i64) -> Result<OwnedFd, Stopped> {
    let number = RawFd::try_from(check(call, result)?).map_err(|_| Stopped::at(call, libc::EBADF))?;
    // SAFETY: the call just returned this number as a new descriptor of ours.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
