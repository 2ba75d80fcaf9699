//! A small io_uring: one request at a time, waited for.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

use io_uring::squeue::Entry;
use io_uring::{IoUring, opcode, types};

use super::{Address, During, Stopped, adopt};

const ENTRIES: u32 = 8;

/// Requests to the kernel that no system call of the caller carries out.
pub struct Ring(IoUring);

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("fd", &self.0.as_raw_fd()).finish()
    }
}

impl Ring {
    pub fn new() -> Result<Self, Stopped> {
        IoUring::new(ENTRIES).during("io_uring_setup").map(Self)
    }

    /// A ring whose requests are picked up by a kernel thread.
    pub fn polled() -> Result<Self, Stopped> {
        IoUring::builder().setup_sqpoll(50).build(ENTRIES).during("io_uring_setup").map(Self)
    }

    /// A ring that somebody else made by `Ring::new` and left open under this descriptor.
    pub fn inherited(ring: OwnedFd) -> Result<Self, Stopped> {
        // The layout of a ring depends on the kernel and on its size alone, so one of our own tells it.
        let layout = Self::new()?.0.params().clone();
        // SAFETY: the descriptor is a ring of the size and kind that the layout was taken from.
        let ring = unsafe { IoUring::from_fd(ring.into_raw_fd(), layout) };
        ring.during("mmap").map(Self)
    }

    /// Registers a socket as file number 0 of the ring.
    pub fn register(&self, socket: impl AsFd) -> Result<(), Stopped> {
        self.0.submitter().register_files(&[socket.as_fd().as_raw_fd()]).during("io_uring_register")
    }

    pub fn connect(&mut self, socket: impl AsFd, to: &Address) -> Result<(), Stopped> {
        let socket = types::Fd(socket.as_fd().as_raw_fd());
        self.carry_out("io_uring connect", opcode::Connect::new(socket, to.pointer(), to.len()).build())
            .map(drop)
    }

    pub fn send(&mut self, socket: impl AsFd, bytes: &[u8]) -> Result<(), Stopped> {
        let socket = types::Fd(socket.as_fd().as_raw_fd());
        self.carry_out("io_uring send", opcode::Send::new(socket, bytes.as_ptr(), length(bytes)).build())
            .map(drop)
    }

    pub fn write(&mut self, file: impl AsFd, bytes: &[u8]) -> Result<(), Stopped> {
        let file = types::Fd(file.as_fd().as_raw_fd());
        self.carry_out("io_uring write", opcode::Write::new(file, bytes.as_ptr(), length(bytes)).build())
            .map(drop)
    }

    /// Sends on the registered socket, from a worker thread.
    pub fn send_registered(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        let entry = opcode::Send::new(types::Fixed(0), bytes.as_ptr(), length(bytes)).build();
        self.carry_out("io_uring send", entry.flags(io_uring::squeue::Flags::ASYNC)).map(drop)
    }

    pub fn sendto(&mut self, socket: impl AsFd, bytes: &[u8], to: &Address) -> Result<(), Stopped> {
        let socket = types::Fd(socket.as_fd().as_raw_fd());
        let mut part = super::socket::io_vector(bytes);
        let message = super::socket::header(&mut part, Some(to), &[]);
        self.carry_out("io_uring sendmsg", opcode::SendMsg::new(socket, &raw const message).build()).map(drop)
    }

    pub fn socket(&mut self, family: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Stopped> {
        let made = self.carry_out("io_uring socket", opcode::Socket::new(family, kind, protocol).build())?;
        adopt(made)
    }

    fn carry_out(&mut self, call: &str, entry: Entry) -> Result<i32, Stopped> {
        // SAFETY: all that the entry points to is borrowed by our caller until the request has finished below.
        let pushed = unsafe { self.0.submission().push(&entry) };
        pushed.map_err(|_| Stopped::at(call, libc::EBUSY))?;
        self.0.submit_and_wait(1).during("io_uring_enter")?;
        let done = self.0.completion().next().ok_or_else(|| Stopped::at(call, libc::EAGAIN))?;
        if done.result() < 0 { Err(Stopped::at(call, -done.result())) } else { Ok(done.result()) }
    }
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the ring owns this descriptor for as long as it is borrowed.
        unsafe { BorrowedFd::borrow_raw(self.0.as_raw_fd()) }
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
