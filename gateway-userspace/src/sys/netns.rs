//! Network namespaces by the cookie that the kernel side knows them by.

use std::{
    io,
    net::UdpSocket,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
};

const SO_NETNS_COOKIE: libc::c_int = 71;

/// The namespace of the calling thread.
pub fn netns_cookie() -> io::Result<u64> {
    cookie_of(UdpSocket::bind("127.0.0.1:0")?.as_fd())
}

/// The namespace that a socket lives in.
pub fn cookie_of(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut cookie = 0_u64;
    let mut len = size_of::<u64>() as libc::socklen_t;
    let at: *mut u64 = &mut cookie;
    // SAFETY: the kernel writes at most `len` bytes to `cookie`.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_NETNS_COOKIE, at.cast(), &mut len)
    };
    if result == 0 { Ok(cookie) } else { Err(io::Error::last_os_error()) }
}
