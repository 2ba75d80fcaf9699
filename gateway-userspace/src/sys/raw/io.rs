//! Ways to move bytes between descriptors that are not `write`.

use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

use super::{Stopped, check};

pub fn splice(from: impl AsFd, to: impl AsFd, len: usize) -> Result<(), Stopped> {
    let (from, to) = (from.as_fd().as_raw_fd(), to.as_fd().as_raw_fd());
    // SAFETY: null offsets; no memory of ours is touched.
    let moved = unsafe { libc::splice(from, ptr::null_mut(), to, ptr::null_mut(), len, 0) };
    check("splice", i64::try_from(moved).unwrap_or(-1)).map(drop)
}

pub fn tee(from: impl AsFd, to: impl AsFd, len: usize) -> Result<(), Stopped> {
    // SAFETY: no memory of ours is touched.
    let moved = unsafe { libc::tee(from.as_fd().as_raw_fd(), to.as_fd().as_raw_fd(), len, 0) };
    check("tee", i64::try_from(moved).unwrap_or(-1)).map(drop)
}

/// Maps `bytes` into a pipe. They are static because the pipe goes on pointing at the pages.
pub fn vmsplice(pipe: impl AsFd, bytes: &'static [u8]) -> Result<(), Stopped> {
    let part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: one part, as announced; its bytes are static and only read.
    let moved = unsafe { libc::vmsplice(pipe.as_fd().as_raw_fd(), &raw const part, 1, 0) };
    check("vmsplice", i64::try_from(moved).unwrap_or(-1)).map(drop)
}

pub fn sendfile(to: impl AsFd, from: impl AsFd, len: usize) -> Result<(), Stopped> {
    let (from, to) = (from.as_fd().as_raw_fd(), to.as_fd().as_raw_fd());
    // SAFETY: a null offset reads from the file's own position.
    let moved = unsafe { libc::sendfile(to, from, ptr::null_mut(), len) };
    check("sendfile", i64::try_from(moved).unwrap_or(-1)).map(drop)
}

/// An ioctl whose argument is a structure, given and returned as bytes.
pub fn ioctl(file: impl AsFd, request: u64, argument: &mut [u8]) -> Result<(), Stopped> {
    // The widest structure that the attempts use is `ifreq`, 40 bytes; room beyond it keeps any of them inside.
    let mut room = [0_u8; 256];
    for (slot, byte) in room.iter_mut().zip(argument.iter()) {
        *slot = *byte;
    }
    // SAFETY: the structure lies in `room`, which is wider than any ioctl structure used here.
    let done = unsafe { libc::ioctl(file.as_fd().as_raw_fd(), request as libc::Ioctl, room.as_mut_ptr()) };
    for (slot, byte) in argument.iter_mut().zip(room) {
        *slot = byte;
    }
    check("ioctl", done.into()).map(drop)
}

/// Writes through the older asynchronous interface, whose requests are checked on a path of their own.
pub fn aio_write(file: impl AsFd, bytes: &[u8]) -> Result<(), Stopped> {
    let mut context = 0_u64;
    // SAFETY: the kernel writes one context handle.
    let made = unsafe { libc::syscall(libc::SYS_io_setup, 1_u64, &raw mut context) };
    check("io_setup", made)?;
    let request = Request::write(file.as_fd().as_raw_fd(), bytes);
    let requests = [&raw const request];
    // SAFETY: one request, as announced; it and its bytes live until `io_getevents` has returned.
    let submitted = unsafe { libc::syscall(libc::SYS_io_submit, context, 1_u64, requests.as_ptr()) };
    check("io_submit", submitted)?;
    let mut event = Event::default();
    let none = ptr::null::<libc::timespec>();
    // SAFETY: room for the one event that is asked for.
    let got = unsafe { libc::syscall(libc::SYS_io_getevents, context, 1_i64, 1_i64, &raw mut event, none) };
    check("io_getevents", got)?;
    if event.result < 0 {
        let errno = i32::try_from(-event.result).unwrap_or(libc::EIO);
        return Err(Stopped::at("aio write", errno));
    }
    Ok(())
}

/// `struct iocb` on a little-endian machine.
#[repr(C)]
struct Request {
    data: u64,
    key: u32,
    rw_flags: u32,
    opcode: u16,
    priority: i16,
    file: u32,
    buffer: u64,
    len: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    event_file: u32,
}

impl Request {
    fn write(file: i32, bytes: &[u8]) -> Self {
        const IOCB_CMD_PWRITE: u16 = 1;
        Self {
            data: 0,
            key: 0,
            rw_flags: 0,
            opcode: IOCB_CMD_PWRITE,
            priority: 0,
            file: file.unsigned_abs(),
            buffer: bytes.as_ptr() as u64,
            len: bytes.len() as u64,
            offset: 0,
            reserved: 0,
            flags: 0,
            event_file: 0,
        }
    }
}

/// `struct io_event`.
#[repr(C)]
#[derive(Default)]
struct Event {
    data: u64,
    object: u64,
    result: i64,
    result2: i64,
}
