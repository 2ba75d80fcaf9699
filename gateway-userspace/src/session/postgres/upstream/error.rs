//! How a login at a target fails: in full for the operator, without anything of ours for the agent.

use std::io;

use gateway_protocols::postgres::login::LoginError;
use gateway_protocols::postgres::refusal::{Code, Refusal};
use gateway_protocols::postgres::wishes::WishError;
use rustls::CertificateError;
use thiserror::Error;

use crate::credentials::IssueError;
use crate::tls::target::TrustError;

/// Why there is no session at the target.
#[derive(Debug, Error)]
pub enum UpstreamError {
    #[error("target `{0}` is not configured for PostgreSQL")]
    NotConfigured(String),
    #[error("it cannot be told how to trust the target")]
    Trust(#[from] TrustError),
    #[error("the target cannot be reached")]
    Unreachable,
    #[error("the target refuses TLS; have it set up there, or set danger_tls = \"disable\"")]
    NoTls,
    #[error("the target's certificate is not trusted: {0}")]
    Untrusted(String),
    #[error("no TLS connection came about with the target")]
    Handshake(#[source] io::Error),
    #[error("the connection to the target failed during the login")]
    Lost(#[source] io::Error),
    #[error("the target ended the connection during the login")]
    Closed,
    #[error("the target did not let the gateway in within login_timeout")]
    TimedOut,
    #[error("the login at the target failed")]
    Login(#[source] LoginError),
    #[error("the agent's wish is not granted")]
    Wish(#[from] WishError),
    #[error("the gateway has no login for the session")]
    Credential(#[from] Box<IssueError>),
    #[error("the gateway has no random numbers")]
    Random(#[source] io::Error),
    #[error("the target refused a command of the gateway: {message} ({code})")]
    Command { code: String, message: String },
}

impl UpstreamError {
    /// What the agent is told. Nothing of the gateway's login is in it, and nothing that the server said of it.
    pub fn refusal(&self) -> Refusal {
        let (code, message) = match self {
            Self::Wish(error) => (Code::InsufficientPrivilege, error.to_string()),
            Self::Login(LoginError::Refused { code, .. }) => said(code),
            Self::TimedOut => (Code::CannotConnectNow, "the server did not answer in time".to_owned()),
            Self::Lost(_) | Self::Closed | Self::Unreachable => {
                (Code::ConnectionFailure, "the server ended the connection during the login".to_owned())
            }
            Self::NoTls | Self::Untrusted(_) | Self::Handshake(_) | Self::Trust(_) => {
                (Code::ConnectionFailure, "the gateway cannot be sure of the server's identity".to_owned())
            }
            Self::Credential(error) => match error.as_ref() {
                IssueError::NoneFree => {
                    (Code::TooManyConnections, "the gateway has no free login for the server".to_owned())
                }
                IssueError::NotPrepared(_) => said("42501"),
                _ => (Code::ConnectionFailure, NO_LOGIN.to_owned()),
            },
            Self::Login(_) | Self::NotConfigured(_) | Self::Random(_) | Self::Command { .. } => {
                (Code::ConnectionFailure, NO_LOGIN.to_owned())
            }
        };
        Refusal::fatal(code, message)
    }

    /// The SQLSTATE with which the server refused, if it was the server.
    pub fn server_code(&self) -> Option<&str> {
        match self {
            Self::Login(LoginError::Refused { code, .. }) | Self::Command { code, .. } => Some(code),
            _ => None,
        }
    }
}

const NO_LOGIN: &str = "the gateway could not log in to the server; its operator has been told why";

/// What a SQLSTATE of the server means to an agent.
fn said(code: &str) -> (Code, String) {
    let (code, message) = match code {
        "3D000" => (Code::UndefinedDatabase, "the database does not exist"),
        "42501" => (Code::InsufficientPrivilege, "this database is not open to the agent"),
        "53300" => (Code::TooManyConnections, "the server has no room for another connection"),
        "57P01" | "57P02" | "57P03" => (Code::CannotConnectNow, "the server is starting up or shutting down"),
        "22023" | "42704" => {
            (Code::FeatureNotSupported, "the server does not accept a setting that was asked for")
        }
        _ => (Code::ConnectionFailure, NO_LOGIN),
    };
    (code, message.to_owned())
}

/// Tells what rustls found apart: a certificate that is not the target's, or no TLS at all.
pub(super) fn handshake(error: io::Error) -> UpstreamError {
    let found = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match found {
        Some(rustls::Error::InvalidCertificate(reason)) => UpstreamError::Untrusted(distrust(reason)),
        _ => UpstreamError::Handshake(error),
    }
}

fn distrust(reason: &CertificateError) -> String {
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "nobody who is trusted signed it; name the CA in `ca`, or the certificate in `pin`".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name; set `server_name` to the name it is for".to_owned()
        }
        CertificateError::Other(other) => match other.0.to_string() {
            // Of webpki, which has no other way to tell.
            text if text.contains("CaUsedAsEndEntity") => {
                "it is a CA's own, which only `pin` can trust".to_owned()
            }
            text => text,
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    fn refused(code: &str) -> UpstreamError {
        let message = "role \"minter\" is not permitted to log in".to_owned();
        UpstreamError::Login(LoginError::Refused { code: code.to_owned(), message })
    }

    #[test]
    fn an_agent_hears_what_concerns_it_and_nothing_of_the_gateways_login() {
        for (said, code) in [
            ("28P01", Code::ConnectionFailure),
            ("28000", Code::ConnectionFailure),
            ("3D000", Code::UndefinedDatabase),
            ("53300", Code::TooManyConnections),
            ("57P03", Code::CannotConnectNow),
        ] {
            let refusal = refused(said).refusal();
            assert_eq!(refusal.code, code, "{said}");
            assert!(!refusal.message.contains("minter"), "{said}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_trusted_says_why_and_what_would_help() {
        let told = |reason| {
            let error = rustls::Error::InvalidCertificate(reason);
            handshake(io::Error::new(io::ErrorKind::InvalidData, error)).to_string()
        };
        assert!(told(CertificateError::Expired).contains("it has expired"));
        assert!(told(CertificateError::UnknownIssuer).contains("name the CA in `ca`"));
        assert!(told(CertificateError::NotValidForName).contains("`server_name`"));
        let ca = io::Error::other("CaUsedAsEndEntity");
        assert!(told(CertificateError::Other(OtherError(Arc::new(ca)))).contains("only `pin` can trust"));
        let other = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(handshake(other), UpstreamError::Handshake(_)));
    }
}
