//! Standard streams that are sockets, carried over pipes.
//!
//! An agent may use only sockets that it made itself, so a socket of the caller's (a remote shell's, a service
//! manager's) would be of no use to it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::thread::{self, JoinHandle};

use nix::fcntl::OFlag;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, pipe2};

/// As much as a pipe holds.
const CHUNK: usize = 64 * 1024;

/// One of the three standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Input,
    Output,
    Error,
}

impl Stream {
    const ALL: [Self; 3] = [Self::Input, Self::Output, Self::Error];

    fn duplicate(self) -> io::Result<OwnedFd> {
        match self {
            Self::Input => io::stdin().as_fd().try_clone_to_owned(),
            Self::Output => io::stdout().as_fd().try_clone_to_owned(),
            Self::Error => io::stderr().as_fd().try_clone_to_owned(),
        }
    }

    fn replace(self, by: BorrowedFd<'_>) -> nix::Result<()> {
        match self {
            Self::Input => dup2_stdin(by),
            Self::Output => dup2_stdout(by),
            Self::Error => dup2_stderr(by),
        }
    }
}

/// A socket of the caller's and the pipe that stands in for it.
#[derive(Debug)]
struct Plank {
    stream: Stream,
    socket: OwnedFd,
    ours: OwnedFd,
    theirs: OwnedFd,
}

/// All streams that need a pipe; none in most cases.
#[derive(Debug)]
pub struct Bridge(Vec<Plank>);

impl Bridge {
    pub fn lay() -> io::Result<Self> {
        let mut planks = Vec::new();
        for stream in Stream::ALL {
            // A stream that is closed has nothing to carry.
            let Ok(socket) = stream.duplicate() else { continue };
            let socket = File::from(socket);
            if !socket.metadata()?.file_type().is_socket() {
                continue;
            }
            let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
            let (ours, theirs) = if stream == Stream::Input { (writer, reader) } else { (reader, writer) };
            planks.push(Plank { stream, socket: socket.into(), ours, theirs });
        }
        Ok(Self(planks))
    }

    /// In the command's process: pipes take the place of the sockets.
    pub fn cross(&self) -> io::Result<()> {
        Ok(self.0.iter().try_for_each(|plank| plank.stream.replace(plank.theirs.as_fd()))?)
    }

    /// In the caller's process: carries until the command and all that it left are gone.
    pub fn carry(self) -> Carrying {
        let mut outputs = Vec::new();
        for plank in self.0 {
            let Plank { stream, socket, ours, theirs } = plank;
            // As long as we held it too, the pipe would never end.
            drop(theirs);
            let (from, to) = match stream {
                Stream::Input => (File::from(socket), File::from(ours)),
                Stream::Output | Stream::Error => (File::from(ours), File::from(socket)),
            };
            let carrier = thread::spawn(move || carry(from, to));
            if stream != Stream::Input {
                outputs.push(carrier);
            }
        }
        Carrying(outputs)
    }
}

/// Not `io::copy`, which would splice: while the kernel waits for the socket then, nobody can read the pipe. An end
/// that hung up ends the stream, as it would without us.
fn carry(mut from: File, mut to: File) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length) else { return };
        if to.write_all(bytes).is_err() {
            return;
        }
    }
}

/// Output on its way.
#[derive(Debug)]
pub struct Carrying(Vec<JoinHandle<()>>);

impl Carrying {
    /// Waits for the last byte of output. Input that nobody read is given up.
    pub fn finish(self) {
        for carrier in self.0 {
            // A carrier does not panic; if it did, there is no more output.
            let _ = carrier.join();
        }
    }
}
