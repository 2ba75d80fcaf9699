//! One side's socket, and the TLS connection that a login made over it: what a login hands to the relay, and how the
//! relay's threads read and write it.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send, sendmsg};
use rustls::Connection;

/// The most that a TLS record holds, with its header.
const RECORD: usize = 18 * 1024;

/// A side, ready for the relay's threads.
#[derive(Debug)]
pub enum Wire {
    Plain(TcpStream),
    Tls { socket: TcpStream, tls: Box<Connection> },
}

impl Wire {
    pub(super) fn split(self) -> (TcpStream, Cipher) {
        match self {
            Self::Plain(socket) => (socket, Cipher(None)),
            Self::Tls { socket, mut tls } => {
                // What a slow reader leaves over is bounded by what is read from the other side.
                tls.set_buffer_limit(None);
                (socket, Cipher(Some(tls)))
            }
        }
    }
}

/// How long a thread waits for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    None,
    /// As long as the receive timeout of the socket.
    Brief,
}

/// The encryption of one side, if it has any.
#[derive(Debug)]
pub struct Cipher(Option<Box<Connection>>);

impl Cipher {
    /// Bytes that came, into the beginning of `into`, which must have room for a few records. None are the end.
    pub fn receive(
        &mut self,
        socket: &TcpStream,
        into: &mut [u8],
        scratch: &mut Vec<u8>,
        patience: Patience,
    ) -> io::Result<usize> {
        let flags = match patience {
            Patience::None => MsgFlags::MSG_DONTWAIT,
            Patience::Brief => MsgFlags::empty(),
        };
        let Some(tls) = self.0.as_mut() else {
            return Ok(recv(socket.as_raw_fd(), into, flags)?);
        };
        let room = into.len().saturating_sub(RECORD);
        if scratch.len() < room {
            // Anew and not longer, so that only what is filled takes memory.
            *scratch = vec![0; room];
        }
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => (),
                // An end that nobody announced is an end all the same.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                outcome => return outcome,
            }
            let sealed = scratch.get_mut(..room).unwrap_or_default();
            let came = recv(socket.as_raw_fd(), sealed, flags)?;
            let opened = open(tls, socket, sealed.get(..came).unwrap_or_default(), into)?;
            if opened > 0 {
                return Ok(opened);
            }
        }
    }

    /// Whether there is something to receive that the socket does not show, such as an end that came with the last
    /// bytes.
    pub fn has_more(&self) -> bool {
        self.0.as_ref().is_some_and(|tls| !tls.wants_read())
    }

    /// How many of these bytes need not be given again.
    pub fn send(&mut self, socket: &TcpStream, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(tls) = self.0.as_mut() else {
            return ready(Outlet(socket).write_vectored(parts));
        };
        let mut taken = 0;
        for part in parts {
            tls.writer().write_all(part)?;
            taken += part.len();
        }
        flush(tls, socket)?;
        Ok(taken)
    }

    /// Whether encrypted bytes wait for room in the socket.
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_some_and(|tls| tls.wants_write())
    }

    pub fn flush(&mut self, socket: &TcpStream) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |tls| flush(tls, socket))
    }

    /// Says that nothing more comes.
    pub fn close(&mut self, socket: &TcpStream) {
        if let Some(tls) = self.0.as_mut() {
            tls.send_close_notify();
            // Both fail when the other end is gone, which reading from it will tell.
            let _ = flush(tls, socket);
        }
        let _ = socket.shutdown(Shutdown::Write);
    }
}

/// Decrypts what came from the socket. Nothing at all from it means that it has ended.
fn open(tls: &mut Connection, socket: &TcpStream, mut sealed: &[u8], into: &mut [u8]) -> io::Result<usize> {
    let mut opened = 0;
    loop {
        tls.read_tls(&mut sealed)?;
        let processed = tls.process_new_packets();
        // The other end may be owed an answer, such as an alert or a new key.
        flush(tls, socket)?;
        processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        match tls.reader().read(into.get_mut(opened..).unwrap_or_default()) {
            Ok(read) => opened += read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::UnexpectedEof) => (),
            Err(error) => return Err(error),
        }
        if sealed.is_empty() {
            return Ok(opened);
        }
    }
}

fn flush(tls: &mut Connection, socket: &TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(&mut Outlet(socket)) {
            Ok(_) => (),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// No room is no failure.
fn ready(outcome: io::Result<usize>) -> io::Result<usize> {
    outcome.or_else(|error| if error.kind() == ErrorKind::WouldBlock { Ok(0) } else { Err(error) })
}

/// Writes to a socket that blocks, without waiting.
struct Outlet<'a>(&'a TcpStream);

impl Outlet<'_> {
    const FLAGS: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        retried(|| send(self.0.as_raw_fd(), bytes, Self::FLAGS))
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match parts {
            [only] => self.write(only),
            _ => retried(|| sendmsg::<()>(self.0.as_raw_fd(), parts, &[], Self::FLAGS, None)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn retried(mut call: impl FnMut() -> nix::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(Errno::EINTR) => (),
            outcome => return Ok(outcome?),
        }
    }
}
