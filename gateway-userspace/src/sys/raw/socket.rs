//! Sockets of any family, and every way to put bytes into one.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags};

use super::{Address, During, Stopped, check, check_fd};

pub fn socket(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Stopped> {
    // SAFETY: no pointers are passed.
    let made = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) };
    check_fd("socket", made.into())
}

pub fn socket_pair(kind: i32) -> Result<(OwnedFd, OwnedFd), Stopped> {
    let mut pair = [-1_i32; 2];
    // SAFETY: the kernel writes two descriptors into the array, which has room for two.
    let made = unsafe { libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, pair.as_mut_ptr()) };
    check("socketpair", made.into())?;
    let [one, other] = pair;
    Ok((super::adopt(one)?, super::adopt(other)?))
}

pub fn connect(socket: impl AsFd, to: &Address) -> Result<(), Stopped> {
    // SAFETY: pointer and length describe the address, which outlives the call.
    let done = unsafe { libc::connect(socket.as_fd().as_raw_fd(), to.pointer(), to.len()) };
    check("connect", done.into()).map(drop)
}

/// Connects with as many address bytes as the caller says, right or wrong.
pub fn connect_bytes(socket: impl AsFd, to: &Address, len: u32) -> Result<(), Stopped> {
    // SAFETY: the kernel reads at most `to.len()` bytes, all of them initialised.
    let done = unsafe { libc::connect(socket.as_fd().as_raw_fd(), to.pointer(), len.min(to.len())) };
    check("connect", done.into()).map(drop)
}

pub fn bind(socket: impl AsFd, to: &Address) -> Result<(), Stopped> {
    // SAFETY: pointer and length describe the address, which outlives the call.
    let done = unsafe { libc::bind(socket.as_fd().as_raw_fd(), to.pointer(), to.len()) };
    check("bind", done.into()).map(drop)
}

pub fn listen(socket: impl AsFd) -> Result<(), Stopped> {
    // SAFETY: no pointers are passed.
    let done = unsafe { libc::listen(socket.as_fd().as_raw_fd(), 16) };
    check("listen", done.into()).map(drop)
}

pub fn accept(socket: impl AsFd) -> Result<OwnedFd, Stopped> {
    let number = socket.as_fd().as_raw_fd();
    // SAFETY: null pointers ask for no peer address.
    let made = unsafe { libc::accept4(number, ptr::null_mut(), ptr::null_mut(), libc::SOCK_CLOEXEC) };
    check_fd("accept", made.into())
}

/// The port that a bound internet socket got.
pub fn port_of(socket: impl AsFd) -> Result<u16, Stopped> {
    let same = socket.as_fd().try_clone_to_owned().during("dup")?;
    std::net::UdpSocket::from(same).local_addr().during("getsockname").map(|address| address.port())
}

pub fn send(socket: impl AsFd, bytes: &[u8]) -> Result<(), Stopped> {
    sendto(socket, bytes, 0, None)
}

pub fn sendto(socket: impl AsFd, bytes: &[u8], flags: i32, to: Option<&Address>) -> Result<(), Stopped> {
    let (pointer, len) = to.map_or((ptr::null(), 0), |to| (to.pointer(), to.len()));
    let (number, flags) = (socket.as_fd().as_raw_fd(), flags | libc::MSG_NOSIGNAL);
    // SAFETY: both pointers come with their own lengths and outlive the call.
    let sent = unsafe { libc::sendto(number, bytes.as_ptr().cast(), bytes.len(), flags, pointer, len) };
    check("sendto", i64::try_from(sent).unwrap_or(-1)).map(drop)
}

/// `control` is a ready control message: header and content, padded as CMSG_SPACE wants it.
pub fn sendmsg(
    socket: impl AsFd,
    bytes: &[u8],
    flags: i32,
    to: Option<&Address>,
    control: &[u8],
) -> Result<(), Stopped> {
    let mut part = io_vector(bytes);
    let message = header(&mut part, to, control);
    // SAFETY: the header points to parts that all live until the call returns; sendmsg writes to none of them.
    let sent =
        unsafe { libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const message, flags | libc::MSG_NOSIGNAL) };
    check("sendmsg", i64::try_from(sent).unwrap_or(-1)).map(drop)
}

pub fn sendmmsg(socket: impl AsFd, bytes: &[u8], flags: i32, to: Option<&Address>) -> Result<(), Stopped> {
    let mut part = io_vector(bytes);
    let mut batch = [libc::mmsghdr { msg_hdr: header(&mut part, to, &[]), msg_len: 0 }];
    let number = socket.as_fd().as_raw_fd();
    // SAFETY: the array has the one element announced, and all that it points to outlives the call.
    let sent = unsafe { libc::sendmmsg(number, batch.as_mut_ptr(), 1, flags | libc::MSG_NOSIGNAL) };
    check("sendmmsg", sent.into()).map(drop)
}

pub fn recv(socket: impl AsFd, room: usize) -> Result<Vec<u8>, Stopped> {
    let mut bytes = vec![0_u8; room];
    let number = socket.as_fd().as_raw_fd();
    // SAFETY: the buffer has the length announced.
    let got = unsafe { libc::recv(number, bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    let got = check("recv", i64::try_from(got).unwrap_or(-1))?;
    bytes.truncate(usize::try_from(got).unwrap_or_default());
    Ok(bytes)
}

pub fn set_int(socket: impl AsFd, level: i32, name: i32, value: i32) -> Result<(), Stopped> {
    set_bytes(socket, level, name, &value.to_ne_bytes())
}

pub fn set_bytes(socket: impl AsFd, level: i32, name: i32, value: &[u8]) -> Result<(), Stopped> {
    let len = u32::try_from(value.len()).unwrap_or_default();
    let number = socket.as_fd().as_raw_fd();
    // SAFETY: the value has the length announced and is only read.
    let done = unsafe { libc::setsockopt(number, level, name, value.as_ptr().cast(), len) };
    check("setsockopt", done.into()).map(drop)
}

pub fn send_descriptor(socket: impl AsFd, passed: BorrowedFd<'_>) -> Result<(), Stopped> {
    let passed = [passed.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&passed)];
    let part = [IoSlice::new(b"d")];
    let number = socket.as_fd().as_raw_fd();
    nix::sys::socket::sendmsg::<()>(number, &part, &rights, MsgFlags::MSG_NOSIGNAL, None)
        .during("sendmsg")
        .map(drop)
}

/// `EBADF` when the message came without the descriptor: that is how some kernels refuse one.
pub fn recv_descriptor(socket: impl AsFd) -> Result<OwnedFd, Stopped> {
    let mut byte = [0_u8; 1];
    let mut part = [IoSliceMut::new(&mut byte)];
    let mut room = cmsg_space!([i32; 1]);
    let number = socket.as_fd().as_raw_fd();
    let message =
        nix::sys::socket::recvmsg::<()>(number, &mut part, Some(&mut room), MsgFlags::MSG_CMSG_CLOEXEC)
            .during("recvmsg")?;
    for control in message.cmsgs().during("recvmsg")? {
        if let ControlMessageOwned::ScmRights(received) = control
            && let Some(&first) = received.first()
        {
            return super::adopt(first);
        }
    }
    Err(Stopped::at("recvmsg", libc::EBADF))
}

pub(super) fn io_vector(bytes: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
}

pub(super) fn header(part: &mut libc::iovec, to: Option<&Address>, control: &[u8]) -> libc::msghdr {
    libc::msghdr {
        msg_name: to.map_or(ptr::null_mut(), |to| to.pointer().cast_mut().cast()),
        msg_namelen: to.map_or(0, Address::len),
        msg_iov: part,
        msg_iovlen: 1,
        msg_control: if control.is_empty() { ptr::null_mut() } else { control.as_ptr().cast_mut().cast() },
        msg_controllen: control.len(),
        msg_flags: 0,
    }
}
