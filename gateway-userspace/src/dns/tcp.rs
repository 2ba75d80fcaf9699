//! Questions that come over a connection: each message follows its length in two bytes (RFC 1035, 4.2.2).

use std::io;
use std::time::Duration;

use gateway_audit::event::Transport;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Front, MAX_QUESTION};
use crate::attribution::wire::Attribution;
use crate::intercept;

/// How long the next question may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

impl Front {
    /// Answers an agent's questions until it has no more, is too slow, or `closing` is done.
    pub async fn converse(
        &self,
        mut stream: TcpStream,
        whose: &Attribution,
        closing: impl Future<Output = ()>,
    ) {
        let outcome = tokio::select! {
            outcome = self.exchange(&mut stream, whose) => outcome,
            () = closing => Err(io::ErrorKind::Interrupted.into()),
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a conversation about names ended early");
            intercept::refuse(stream);
        }
    }

    async fn exchange<S>(&self, stream: &mut S, whose: &Attribution) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while let Some(message) = timeout(PATIENCE, next_message(stream)).await?? {
            let Some(reply) = self.reply(whose, Transport::Tcp, &message).await else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let length = u16::try_from(reply.len()).map_err(|_| io::ErrorKind::InvalidData)?;
            let mut bytes = length.to_be_bytes().to_vec();
            bytes.extend_from_slice(&reply);
            timeout(PATIENCE, stream.write_all(&bytes)).await??;
        }
        Ok(())
    }
}

/// `None` when the agent has no more questions.
async fn next_message(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    match stream.read_exact(&mut length).await {
        Ok(_) => (),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::from(u16::from_be_bytes(length));
    if length > MAX_QUESTION {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(Some(message))
}
