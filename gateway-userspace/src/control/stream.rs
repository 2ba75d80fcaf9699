//! A connection to the control socket, as the HTTP server reads and writes it. Each piece that comes in says which
//! process wrote it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

use super::caller::Peer;
use crate::sys::writer;

#[derive(Debug)]
pub struct Stream {
    socket: UnixStream,
    peer: Peer,
}

impl Stream {
    /// Fails when the kernel does not say who is at the other end.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        let credentials = socket.peer_cred()?;
        let pid = credentials.pid().ok_or(io::ErrorKind::Unsupported)?;
        let peer = Peer::new(credentials.uid(), credentials.gid(), pid);
        Ok(Self { socket, peer })
    }

    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.socket.poll_read_ready(cx))?;
            let read = self
                .socket
                .try_io(Interest::READABLE, || writer::receive(&self.socket, into.initialize_unfilled()));
            match read {
                Ok((0, _)) => return Poll::Ready(Ok(())),
                Ok((length, writer)) => {
                    self.peer.wrote(writer.unwrap_or_default());
                    into.advance(length);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
