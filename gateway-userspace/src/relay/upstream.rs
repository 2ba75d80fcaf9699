//! The socket to the target. Its address is the one the agent asked for, as the kernel kept it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use gateway_audit::event::Ending;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connects, or says how the connection ended before it began.
pub async fn connect(original: SocketAddr, limit: Duration) -> Result<TcpStream, Ending> {
    match timeout(limit, TcpStream::connect(original)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(Ending::ConnectTimedOut),
        Ok(Err(error)) => Err(Ending::ConnectFailed { why: error.to_string() }),
        Err(_) => Err(Ending::ConnectTimedOut),
    }
}
