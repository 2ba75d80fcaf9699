//! The one HTTPS client: identity providers, webhooks and sinks are all spoken to through it.
//!
//! It follows no redirect, asks no proxy of the environment, waits and reads no longer than it is told to, and speaks
//! without TLS to this host's loopback only, where a `danger_` setting allows it. What an answer means is left to
//! whoever asked.

#![allow(dead_code, reason = "identity, webhooks and sinks are built upon it")]

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio::time::timeout;

use crate::tls::target::{TrustError, roots};

/// The head of an answer is no longer.
const LONGEST_HEAD: usize = 64 << 10;
/// Connections to one server that are kept for the next question, and for how long.
const KEPT: usize = 4;
const KEPT_FOR: Duration = Duration::from_secs(30);

/// Whether a server may be spoken to without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    Never,
    /// On this host's loopback, for tests.
    OnLoopback,
}

/// How long an answer may take, and how long it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the beginning of the connection to the last byte of the answer.
    pub time: Duration,
    pub bytes: usize,
}

/// What a server answered.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// An answer may hold a token, so only its size is shown.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.body.len();
        f.debug_struct("Answer").field("status", &self.status).field("bytes", &bytes).finish_non_exhaustive()
    }
}

/// Why there is no answer. None of these says what was sent.
#[derive(Debug, Error)]
pub enum HttpsError {
    #[error("{0:?} is no address that can be asked")]
    Address(String),
    #[error("{0} would be asked without TLS")]
    Plain(String),
    #[error("the request cannot be written")]
    Request(#[source] hyper::http::Error),
    #[error("{server} does not answer")]
    Unreachable {
        server: String,
        #[source]
        source: ClientError,
    },
    #[error("the answer of {server} broke off")]
    Broken {
        server: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the answer of {server} is longer than {limit} bytes")]
    TooLong { server: String, limit: usize },
    #[error("{server} did not answer within {}", humantime::format_duration(*limit))]
    TooSlow { server: String, limit: Duration },
}

/// A client that believes one set of certificates.
#[derive(Clone)]
pub struct Https {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    plain: Plain,
    limits: Limits,
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https")
            .field("plain", &self.plain)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Https {
    /// `ca` is a file with the certificates that servers must be signed by; without it, those that this host trusts.
    pub fn new(ca: Option<&Path>, plain: Plain, limits: Limits) -> Result<Self, TrustError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Setup)?
            .with_root_certificates(roots(ca)?)
            .with_no_client_auth();
        let mut sockets = HttpConnector::new();
        // Which schemes are open is decided here, for each request.
        sockets.enforce_http(false);
        sockets.set_connect_timeout(Some(limits.time));
        sockets.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(sockets);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT)
            .http1_max_buf_size(LONGEST_HEAD)
            .build(connector);
        Ok(Self { client, plain, limits })
    }

    pub async fn get(&self, url: &str) -> Result<Answer, HttpsError> {
        self.send(Method::GET, url, &[], Vec::new()).await
    }

    /// Sends a body of the given type.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Answer, HttpsError> {
        self.send(Method::POST, url, headers, body).await
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Answer, HttpsError> {
        let uri = self.address(url)?;
        let server = uri.host().unwrap_or_default().to_owned();
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body)).map_err(HttpsError::Request)?;
        let limit = self.limits.time;
        let answer = timeout(limit, self.exchange(&server, request)).await;
        answer.unwrap_or(Err(HttpsError::TooSlow { server, limit }))
    }

    async fn exchange(&self, server: &str, request: Request<Full<Bytes>>) -> Result<Answer, HttpsError> {
        let server = || server.to_owned();
        let answered = self.client.request(request).await;
        let answered = answered.map_err(|source| HttpsError::Unreachable { server: server(), source })?;
        let (head, body) = answered.into_parts();
        let limit = self.limits.bytes;
        let body = match Limited::new(body, limit).collect().await {
            Ok(body) => body.to_bytes().to_vec(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(HttpsError::TooLong { server: server(), limit });
            }
            Err(source) => return Err(HttpsError::Broken { server: server(), source }),
        };
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// A whole address with a scheme that is open, a host, and nobody's name and password in it.
    fn address(&self, url: &str) -> Result<Uri, HttpsError> {
        may_be_asked(url, self.plain)
    }
}

/// What is looked at before a request, for those who want to know beforehand whether an address will do.
pub fn may_be_asked(url: &str, plain: Plain) -> Result<Uri, HttpsError> {
    let refused = || HttpsError::Address(url.chars().take(200).collect());
    let uri: Uri = url.parse().map_err(|_| refused())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(refused)?;
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(HttpsError::Address("an address with a name or password in it".into()));
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if plain == Plain::OnLoopback && is_loopback(host) => Ok(uri),
        Some("http") => Err(HttpsError::Plain(host.to_owned())),
        _ => Err(refused()),
    }
}

/// An address, since a name may lead elsewhere.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Text as it stands in a form or in a query (RFC 3986, unreserved characters).
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
