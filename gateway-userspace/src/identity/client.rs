//! The gateway as a client of a provider: it asks for a token on behalf of an agent that the kernel attests
//! (RFC 6749, section 4.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_audit::event::IdentityProblem;
use gateway_protocols::jose::json::Value;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::provider::{Provider, Refused};
use super::token::Token;
use crate::credentials::read_secret;
use crate::https::percent_encoded;
use crate::report::one_line;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A token for the client that the gateway is.
pub async fn credentials(provider: &Provider) -> Result<Token, Refused> {
    let published = provider.keyring.published().await.map_err(|error| away(one_line(&*error)))?;
    let tokens = published.discovery.tokens.as_deref();
    let tokens = tokens.ok_or_else(|| refused("the provider does not say where it gives out tokens"))?;
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(provider.keys.scope.as_deref().map(|scope| ("scope", scope)));
    form.extend(provider.keys.resource.as_deref().map(|resource| ("resource", resource)));
    let body = form.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value)));
    let body = body.collect::<Vec<_>>().join("&").into_bytes();
    let headers = [(CONTENT_TYPE, FORM), authorization(provider).await?];
    let answer = provider.https.post(tokens, &headers, body).await.map_err(|error| away(one_line(&error)))?;
    let text = Zeroizing::new(String::from_utf8(answer.body).unwrap_or_default());
    let document = Value::read(&text).ok();
    let member = |name: &str| document.as_ref()?.get(name)?.text();
    match (answer.status, member("access_token")) {
        (200, Some(token)) => Token::from_bytes(Zeroizing::new(token.as_bytes().to_vec()))
            .ok_or_else(|| refused("its token is empty")),
        (200, None) => Err(refused("its answer has no token")),
        (500.., _) => Err(away(format!("the provider answered with status {}", answer.status))),
        // The word is one of RFC 6749, section 5.2, or some other short one.
        (status, _) => {
            let word = member("error").filter(|word| word.len() < 64).unwrap_or("no reason").to_owned();
            Err(refused(&format!("the provider answered with status {status}: {word}")))
        }
    }
}

/// The client's name and secret (RFC 6749, section 2.3.1).
async fn authorization(provider: &Provider) -> Result<(HeaderName, HeaderValue), Refused> {
    let id = provider.keys.client_id.as_deref().unwrap_or_default();
    let secret = match &provider.keys.client_secret {
        Some(reference) => read_secret(reference).await.map_err(|error| refused(&one_line(&error)))?,
        None => Zeroizing::default(),
    };
    let secret = Zeroizing::new(String::from_utf8_lossy(&secret).into_owned());
    let pair =
        Zeroizing::new(format!("{}:{}", percent_encoded(id), *Zeroizing::new(percent_encoded(&secret))));
    let encoded = Zeroizing::new(format!("Basic {}", *Zeroizing::new(STANDARD.encode(pair.as_bytes()))));
    let mut value = HeaderValue::from_str(&encoded).map_err(|_| refused("the client cannot be named"))?;
    value.set_sensitive(true);
    Ok((AUTHORIZATION, value))
}

fn away(why: String) -> Refused {
    Refused { problem: IdentityProblem::ProviderAway, why }
}

fn refused(why: &str) -> Refused {
    Refused { problem: IdentityProblem::ProviderRefused, why: why.to_owned() }
}
