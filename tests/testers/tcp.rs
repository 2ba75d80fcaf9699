//! Sockets step by step, where the standard library takes several at once.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::Result;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6};

pub(crate) fn stream(for_address: SocketAddr, flags: SockFlag) -> Result<OwnedFd> {
    let family = if for_address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    socket::socket(family, SockType::Stream, flags | SockFlag::SOCK_CLOEXEC, None)
}

pub(crate) fn bind(fd: &OwnedFd, address: SocketAddr) -> Result<()> {
    match address {
        SocketAddr::V4(v4) => socket::bind(fd.as_raw_fd(), &SockaddrIn::from(v4)),
        SocketAddr::V6(v6) => socket::bind(fd.as_raw_fd(), &SockaddrIn6::from(v6)),
    }
}

pub(crate) fn connect(fd: &OwnedFd, address: SocketAddr) -> Result<()> {
    match address {
        SocketAddr::V4(v4) => socket::connect(fd.as_raw_fd(), &SockaddrIn::from(v4)),
        SocketAddr::V6(v6) => socket::connect(fd.as_raw_fd(), &SockaddrIn6::from(v6)),
    }
}
