//! Where a provider says that its keys and its doors are (OpenID Connect Discovery, RFC 8414).

use alloc::string::{String, ToString};

use thiserror::Error;

use super::json::{JsonError, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DiscoveryError {
    #[error("it cannot be read: {0}")]
    Json(#[from] JsonError),
    #[error("it is of another issuer than the one that was asked")]
    Issuer,
    #[error("it does not say where the keys are")]
    NoKeys,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    pub keys: String,
    /// Where tokens are given out.
    pub tokens: Option<String>,
}

/// Where the document of an issuer is.
pub fn place(issuer: &str) -> String {
    alloc::format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

pub fn read(document: &str, issuer: &str) -> Result<Discovery, DiscoveryError> {
    let document = Value::read(document)?;
    let text = |name: &str| document.get(name).and_then(Value::text).map(ToString::to_string);
    if text("issuer").as_deref() != Some(issuer) {
        return Err(DiscoveryError::Issuer);
    }
    Ok(Discovery { keys: text("jwks_uri").ok_or(DiscoveryError::NoKeys)?, tokens: text("token_endpoint") })
}
