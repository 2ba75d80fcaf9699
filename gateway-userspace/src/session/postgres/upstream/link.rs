//! A connection to a target while the gateway itself speaks on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use gateway_protocols::postgres::frame::Header;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::relay::wire::Wire;

/// As much as is read at a time.
const CHUNK: usize = 4096;

#[derive(Debug)]
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A stream, and what was read of it and not yet looked at.
#[derive(Debug)]
pub struct Link {
    stream: Stream,
    unread: Vec<u8>,
}

impl Link {
    pub fn new(stream: Stream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    pub async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The next message: its kind and its body. `None` when the other side ended the connection between messages.
    pub async fn next(&mut self, longest: usize) -> io::Result<Option<(u8, Vec<u8>)>> {
        loop {
            let header = Header::read(&self.unread).map_err(invalid)?;
            if let Some(header) = header {
                if header.body > longest {
                    return Err(invalid("a message is too long"));
                }
                if self.unread.len() >= header.whole() {
                    let rest = self.unread.split_off(header.whole());
                    let mut message = std::mem::replace(&mut self.unread, rest);
                    message.drain(..header.whole() - header.body);
                    return Ok(Some((header.kind, message)));
                }
            }
            if self.more().await? == 0 {
                return if self.unread.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    async fn more(&mut self) -> io::Result<usize> {
        self.unread.reserve(CHUNK);
        self.stream.read_buf(&mut self.unread).await
    }

    /// Whether nobody on the way can read along.
    pub fn is_private(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// For the relay: the wire, and what was read of it already.
    pub fn into_wire(self) -> io::Result<(Wire, Vec<u8>)> {
        let wire = match self.stream {
            Stream::Plain(socket) => Wire::Plain(socket.into_std()?),
            Stream::Tls(stream) => {
                let (socket, tls) = stream.into_inner();
                Wire::Tls { socket: socket.into_std()?, tls: Box::new(tls.into()) }
            }
        };
        Ok((wire, self.unread))
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
