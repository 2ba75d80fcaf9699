//! Ending a TCP connection at once.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Sends a reset and forgets all that was not delivered (connect(2) to `AF_UNSPEC`). Whoever waits for the
/// socket is woken.
pub fn abort(socket: &impl AsFd) -> io::Result<()> {
    let nowhere = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: the pointer and the length describe a live `sockaddr`, which the kernel only reads.
    let outcome = unsafe { libc::connect(socket.as_fd().as_raw_fd(), &raw const nowhere, length) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_other_side_sees_a_reset_and_no_end() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let mut near = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        let (far, _) = listener.accept().expect("accept");
        abort(&far).expect("abort");
        let seen = near.read(&mut [0; 1]).expect_err("a reset");
        assert_eq!(seen.kind(), ErrorKind::ConnectionReset);
    }
}
