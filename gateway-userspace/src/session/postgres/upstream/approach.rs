//! The way to a target until something of PostgreSQL can be said: its address, SSLRequest, and the TLS handshake.

use std::net::TcpStream;
use std::sync::Arc;

use gateway_protocols::postgres::login::{Channel, Cleartext};
use gateway_protocols::postgres::startup::CancelKey;
use gateway_protocols::postgres::welcome;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use super::error::handshake;
use super::link::{Link, Stream};
use super::{Upstream, UpstreamError};
use crate::tls::target::{ClientCertificate, TargetTls, end_point};

/// SSLRequest: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A connection to a target that has shown what it had to show, and has heard nothing yet.
#[derive(Debug)]
pub struct Approached {
    pub(super) link: Link,
    pub(super) channel: Channel,
}

impl Approached {
    /// Asks for the query of another connection to be cancelled. The server answers by closing this one.
    pub async fn cancel(mut self, key: &CancelKey) -> Result<(), UpstreamError> {
        self.link.say(&key.request()).await.map_err(UpstreamError::Lost)?;
        // What it might still say does not matter.
        let _ = self.link.next(0).await;
        Ok(())
    }
}

impl Upstream {
    /// Makes a fresh connection ready, within the time that the target has.
    pub async fn approach(
        &self,
        stream: TcpStream,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Approached, UpstreamError> {
        let limit = self.keys.login_timeout;
        let approached = self.secured(stream, certificate);
        tokio::time::timeout(limit, approached).await.map_err(|_| UpstreamError::TimedOut)?
    }

    async fn secured(
        &self,
        stream: TcpStream,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Approached, UpstreamError> {
        let address = stream.peer_addr().map_err(UpstreamError::Lost)?;
        stream.set_nodelay(true).map_err(UpstreamError::Lost)?;
        let mut stream = tokio::net::TcpStream::from_std(stream).map_err(UpstreamError::Lost)?;
        let allowed = self.keys.danger_cleartext_password;
        let Some(tls) = &self.tls else {
            let channel = Channel { end_point: None, cleartext: cleartext(allowed) };
            return Ok(Approached { link: Link::new(Stream::Plain(stream)), channel });
        };
        ask_for_tls(&mut stream).await?;
        let (config, name) = tls.config(address.ip(), certificate)?;
        let connected =
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(handshake)?;
        let shown = connected.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let end_point = shown.and_then(|certificate| end_point(certificate));
        let channel = Channel { end_point, cleartext: cleartext(allowed || TargetTls::proves(tls)) };
        Ok(Approached { link: Link::new(Stream::Tls(Box::new(connected))), channel })
    }
}

/// One byte answers. Whatever came behind it in the clear would be taken for the server's.
async fn ask_for_tls(stream: &mut tokio::net::TcpStream) -> Result<(), UpstreamError> {
    stream.write_all(&SSL_REQUEST).await.map_err(UpstreamError::Lost)?;
    let mut answer = [0; 1];
    match stream.read(&mut answer).await.map_err(UpstreamError::Lost)? {
        0 => Err(UpstreamError::Closed),
        _ if answer == [welcome::YES] => Ok(()),
        _ => Err(UpstreamError::NoTls),
    }
}

fn cleartext(allowed: bool) -> Cleartext {
    if allowed { Cleartext::Allowed } else { Cleartext::Refused }
}
