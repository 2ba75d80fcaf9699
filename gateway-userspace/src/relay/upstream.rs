//! The socket to the target. Its address is the one the agent asked for, as the kernel kept it.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use gateway_audit::event::Ending;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, connect as begin, socket,
};
use tokio::time::timeout;

/// Connects, or says how the connection ended before it began. The socket does not block.
pub async fn connect(original: SocketAddr, limit: Duration) -> Result<TcpStream, Ending> {
    match timeout(limit, connected(original)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(Ending::ConnectTimedOut),
        Ok(Err(error)) => Err(Ending::ConnectFailed { why: error.to_string() }),
        Err(_) => Err(Ending::ConnectTimedOut),
    }
}

async fn connected(original: SocketAddr) -> io::Result<TcpStream> {
    let family = if original.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let stream = TcpStream::from(socket(family, SockType::Stream, flags, None)?);
    let begun = match original {
        SocketAddr::V4(v4) => begin(stream.as_raw_fd(), &SockaddrIn::from(v4)),
        SocketAddr::V6(v6) => begin(stream.as_raw_fd(), &SockaddrIn6::from(v6)),
    };
    match begun {
        Ok(()) => return Ok(stream),
        Err(Errno::EINPROGRESS) => (),
        Err(error) => return Err(error.into()),
    }
    // A target on this host has answered by now, and the event loop need not hear of the socket.
    let stream = if is_decided(&stream) { stream } else { wait(stream).await? };
    match stream.take_error()? {
        None => Ok(stream),
        Some(error) => Err(error),
    }
}

/// Where it cannot be told, for a signal that came in between, the event loop finds out.
fn is_decided(stream: &TcpStream) -> bool {
    let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

async fn wait(stream: TcpStream) -> io::Result<TcpStream> {
    let stream = tokio::net::TcpStream::from_std(stream)?;
    stream.writable().await?;
    stream.into_std()
}
