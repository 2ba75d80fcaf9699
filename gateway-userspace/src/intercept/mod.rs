//! Accepts the connections that the kernel sent here instead of where they were bound.
//!
//! There is a listener on each loopback address, and one for every other network namespace in which the
//! enforcer made one. Anybody on the host may dial them; who may pass is decided later.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::sys::tcp;

/// How long to wait when the process has no descriptor left for another connection.
const BREATHER: Duration = Duration::from_millis(10);

/// A connection that arrived here. Nothing is known about it yet.
#[derive(Debug)]
pub struct Intercepted {
    pub stream: TcpStream,
    pub peer: SocketAddr,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// One listening socket.
#[derive(Debug)]
pub struct Gate {
    listener: TcpListener,
}

impl Gate {
    /// The gates on this host's loopback.
    pub async fn open(port: u16) -> Result<Vec<Self>, ListenError> {
        let mut gates = Vec::new();
        for address in loopback(port) {
            match TcpListener::bind(address).await {
                Ok(listener) => gates.push(Self { listener }),
                // A host without IPv6 has no ::1, and its agents cannot ask for it.
                Err(error) if address.is_ipv6() && no_ipv6(&error) => {
                    tracing::warn!("this host has no IPv6 loopback; the gateway listens on 127.0.0.1 only");
                }
                Err(source) => return Err(ListenError { address, source }),
            }
        }
        Ok(gates)
    }

    /// The gate that the enforcer made in another network namespace.
    pub fn adopt(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { listener: TcpListener::from_std(listener)? })
    }

    #[cfg(test)]
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection. Failures to accept concern one connection and pass.
    pub async fn next(&self) -> Intercepted {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return Intercepted { stream, peer },
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(BREATHER).await;
                }
            }
        }
    }
}

/// How a connection hears a no: a reset, at once.
pub fn refuse(stream: TcpStream) {
    if let Err(error) = tcp::abort(&stream) {
        tracing::debug!(%error, "a refused connection was gone already");
    }
}

/// Whether a destination is a gate itself. Let through, it would come round for ever.
pub fn is_gate(original: SocketAddr, accepted: &TcpStream) -> bool {
    let Ok(gate) = accepted.local_addr() else { return true };
    let address = original.ip().to_canonical();
    original.port() == gate.port()
        && (address.is_loopback() || address.is_unspecified() || address == gate.ip().to_canonical())
}

/// Both loopback addresses with a port.
pub fn loopback(port: u16) -> [SocketAddr; 2] {
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|ip| SocketAddr::new(ip, port))
}

/// Whether a bind failed because the host does not speak IPv6.
pub fn no_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT))
}
