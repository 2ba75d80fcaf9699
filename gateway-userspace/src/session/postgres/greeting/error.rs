//! Why a greeting failed: for the record, and for the agent.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use gateway_protocols::postgres::frame;
use gateway_protocols::postgres::refusal::{Code, Refusal};
use gateway_protocols::postgres::scram::ScramError;
use gateway_protocols::postgres::startup::Malformed;
use rustls::AlertDescription;

use crate::session::postgres::placeholders::PlaceholderError;
use crate::tls::AuthorityError;

/// No text of the agent's is in here, so each may stand in a record.
#[derive(Debug, thiserror::Error)]
pub enum GreetError {
    #[error("the agent's side failed")]
    Io(#[from] io::Error),
    #[error("the agent ended the connection before it had logged in")]
    Gone,
    #[error("the agent had not logged in after {}", humantime::format_duration(*.0))]
    TooSlow(Duration),
    #[error("the agent's first message cannot be read")]
    Malformed(#[from] Malformed),
    #[error("the agent asked for encryption twice")]
    AskedTwice,
    #[error("there was more behind the agent's request for encryption")]
    PlainBehindRequest,
    #[error("no TLS could be agreed on with the agent")]
    Handshake(#[source] io::Error),
    #[error(
        "the agent does not believe the gateway's certificate; `postern ca` installs what it has to believe"
    )]
    NotBelieved(#[source] io::Error),
    #[error("the agent began with TLS and did not say that it speaks PostgreSQL")]
    NoAlpn,
    #[error("the gateway has no certificate to show")]
    Certificate(#[from] AuthorityError),
    #[error("the agent's login cannot be checked")]
    Unchecked(#[from] PlaceholderError),
    #[error("a message of the agent's login cannot be read")]
    Login(#[from] frame::Malformed),
    #[error("the agent did not answer the request for its placeholder")]
    NoAnswer,
    #[error("the agent's placeholder is not the right one")]
    Placeholder(#[from] ScramError),
}

impl GreetError {
    /// What became of a handshake that failed.
    pub(super) fn handshake(error: io::Error) -> Self {
        use AlertDescription::{BadCertificate, CertificateExpired, CertificateUnknown, UnknownCA};
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(rustls::Error::AlertReceived(
                BadCertificate | CertificateExpired | CertificateUnknown | UnknownCA,
            )) => Self::NotBelieved(error),
            _ => Self::Handshake(error),
        }
    }

    /// What the agent is told, if there is anybody who would understand it.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let violation = |message: Cow<'static, str>| Some(Refusal::fatal(Code::ProtocolViolation, message));
        match self {
            Self::Io(_) | Self::Gone | Self::Handshake(_) | Self::NotBelieved(_) => None,
            Self::TooSlow(limit) => {
                violation(format!("the login took longer than {}", humantime::format_duration(*limit)).into())
            }
            Self::Malformed(Malformed::Version(version)) => {
                let message = format!("protocol {version} is not spoken here; 3.0 and 3.2 are");
                Some(Refusal::fatal(Code::FeatureNotSupported, message))
            }
            Self::Malformed(why) => violation(format!("the first message cannot be read: {why}").into()),
            Self::AskedTwice => violation("encryption was asked for twice".into()),
            Self::PlainBehindRequest => {
                violation("unencrypted data was received behind the request for encryption".into())
            }
            Self::NoAlpn => violation("a connection that begins with TLS must name postgresql (ALPN)".into()),
            Self::Certificate(_) => {
                Some(Refusal::fatal(Code::Internal, "the gateway has no certificate to show"))
            }
            Self::Unchecked(_) => {
                Some(Refusal::fatal(Code::Internal, "the gateway cannot read this agent's placeholder"))
            }
            Self::Login(why) => violation(format!("a message of the login cannot be read: {why}").into()),
            Self::NoAnswer => violation("the answer to a request for a password was expected".into()),
            Self::Placeholder(ScramError::WrongProof) => Some(
                Refusal::fatal(Code::InvalidPassword, "the password is not this agent's placeholder")
                    .with_hint("Use the placeholder that the gateway's configuration has for this agent."),
            ),
            Self::Placeholder(why) => {
                Some(Refusal::fatal(Code::InvalidAuthorization, format!("the login failed: {why}")))
            }
        }
    }
}
