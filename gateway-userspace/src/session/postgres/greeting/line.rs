//! The connection to an agent while it logs in: plain at first, and inside TLS once that is agreed on.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::GreetError;
use crate::relay::wire::Wire;
use crate::tls::{Leaf, POSTGRESQL};

/// What one read can bring.
const CHUNK: usize = 4096;
/// How long an agent may take to fetch a last word.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) enum Line {
    Plain(TcpStream),
    Tls { stream: Box<TlsStream<TcpStream>>, leaf: Arc<Leaf> },
}

impl Line {
    /// Reads what is there, or waits for something. Nothing read means that the agent is done.
    pub async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        buffer.reserve(CHUNK);
        match self {
            Self::Plain(stream) => stream.read_buf(buffer).await,
            Self::Tls { stream, .. } => match stream.read_buf(buffer).await {
                // Without a word of farewell inside TLS: the same as one, before a login.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
        }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls { stream, .. } => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// The first byte, which stays unread; `None` if the agent left without one.
    pub async fn first_byte(stream: &TcpStream) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let there = stream.peek(&mut byte).await?;
        let [byte] = byte;
        Ok((there > 0).then_some(byte))
    }

    /// Speaks TLS from here on, with the certificate that `choose` has for the name that is asked for.
    pub async fn secure(
        stream: TcpStream,
        choose: impl FnOnce(Option<&str>) -> Result<Arc<Leaf>, GreetError>,
    ) -> Result<Self, GreetError> {
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
        let hello = hello.await.map_err(GreetError::handshake)?;
        let leaf = choose(hello.client_hello().server_name())?;
        let config: Arc<ServerConfig> = Arc::clone(&leaf.config);
        let stream = hello.into_stream(config).await.map_err(GreetError::handshake)?;
        Ok(Self::Tls { stream: Box::new(stream), leaf })
    }

    /// Whether the handshake said that PostgreSQL is spoken.
    pub fn is_named(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls { stream, .. } => stream.get_ref().1.alpn_protocol() == Some(POSTGRESQL),
        }
    }

    /// The certificate that the agent was shown.
    pub fn leaf(&self) -> Option<&Leaf> {
        match self {
            Self::Plain(_) => None,
            Self::Tls { leaf, .. } => Some(leaf),
        }
    }

    /// Hands over to the relay, with what the agent has sent already.
    pub fn into_wire(self, mut read: Vec<u8>) -> io::Result<(Wire, Vec<u8>)> {
        match self {
            Self::Plain(stream) => Ok((Wire::Plain(stream.into_std()?), read)),
            Self::Tls { stream, .. } => {
                let (socket, mut tls) = stream.into_inner();
                read_decrypted(&mut tls, &mut read)?;
                let tls = Box::new(rustls::Connection::Server(tls));
                Ok((Wire::Tls { socket: socket.into_std()?, tls }, read))
            }
        }
    }

    /// Says a last word and closes, without a reset that could overtake the word.
    pub async fn farewell(mut self, word: &[u8]) {
        let parting = async {
            self.write(word).await?;
            match &mut self {
                Self::Plain(stream) => stream.shutdown().await?,
                Self::Tls { stream, .. } => stream.shutdown().await?,
            }
            let mut rest = Vec::new();
            while self.read(&mut rest).await? > 0 {
                rest.clear();
            }
            io::Result::Ok(())
        };
        // Whoever does not listen any more misses it.
        let _ = timeout(FAREWELL, parting).await;
    }
}

/// What was decrypted along with the last message. The socket would not tell of it again.
fn read_decrypted(tls: &mut ServerConnection, read: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; CHUNK];
    loop {
        match tls.reader().read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => read.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
