//! Who writes on a local stream: the kernel puts the writer's process number beside each piece, whoever holds the
//! descriptor by now.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg, setsockopt, sockopt};

/// Asks the kernel for it. What a listener accepts inherits this.
pub fn tell(socket: &impl AsFd) -> io::Result<()> {
    Ok(setsockopt(socket, sockopt::PassCred, &true)?)
}

/// Reads what one process wrote, and which. Descriptors that were sent along find no room, so the kernel drops them, and
/// whoever sent them is nobody that is known.
pub fn receive(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Option<i32>)> {
    let mut control = cmsg_space!(UnixCredentials);
    let mut slices = [IoSliceMut::new(buffer)];
    let socket = socket.as_fd().as_raw_fd();
    let message = recvmsg::<()>(socket, &mut slices, Some(&mut control), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut writer = None;
    if let Ok(controls) = message.cmsgs() {
        for control in controls {
            if let ControlMessageOwned::ScmCredentials(credentials) = control {
                writer = Some(credentials.pid());
            }
        }
    }
    Ok((message.bytes, writer))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn another_process_that_got_the_descriptor_is_told_apart_from_who_connected() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).expect("a socket");
        tell(&listener).expect("an option");
        let mut stream = UnixStream::connect(&path).expect("a connection");
        stream.write_all(b"own").expect("written");
        let (accepted, _) = listener.accept().expect("a connection");
        let own = i32::try_from(std::process::id()).expect("a number");
        let mut buffer = [0; 16];
        assert_eq!(receive(&accepted, &mut buffer).expect("read"), (3, Some(own)));
        let passed = std::os::fd::OwnedFd::from(stream.try_clone().expect("a copy"));
        let mut other =
            Command::new("printf").arg("other").stdout(Stdio::from(passed)).spawn().expect("printf");
        let (length, writer) = receive(&accepted, &mut buffer).expect("read");
        assert_eq!((length, writer), (5, Some(i32::try_from(other.id()).expect("a number"))));
        other.wait().expect("its end");
    }

    #[test]
    fn descriptors_that_are_sent_along_are_not_taken() {
        use nix::sys::socket::{ControlMessage, sendmsg};
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        tell(&ours).expect("an option");
        let open = || std::fs::read_dir("/proc/self/fd").expect("descriptors").count();
        let before = open();
        let fds = [theirs.as_raw_fd(); 3];
        let bytes = [io::IoSlice::new(b"x")];
        let rights = [ControlMessage::ScmRights(&fds)];
        sendmsg::<()>(theirs.as_raw_fd(), &bytes, &rights, MsgFlags::empty(), None).expect("sent");
        assert_eq!(receive(&ours, &mut [0; 16]).expect("read"), (1, None));
        // Other tests open and close files meanwhile; three that are never closed would stay.
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(open() < before + 3 || before > open());
    }
}
