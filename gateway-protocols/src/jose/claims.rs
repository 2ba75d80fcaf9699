//! What a token says of somebody, and whether it is meant for us, now (RFC 7519, RFC 9068, RFC 8693).
//!
//! The time is an argument: a clock that jumps is noticed by whoever has it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use thiserror::Error;

use super::json::Value;
use super::token::Unverified;

/// More groups than anybody is in.
const MOST_GROUPS: usize = 1024;
/// Of a subject, a group or a name.
const LONGEST: usize = 512;

/// What is demanded of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub issuer: String,
    /// One of these has to be meant.
    pub audience: Vec<String>,
    /// The kinds of token that will do, in lower case; `None` is one that does not say its kind.
    pub kinds: Vec<Option<String>>,
    /// To whom the token may have been given; nobody named is anybody.
    pub clients: Vec<String>,
    /// Paths of claims, and the text that each has to be or to hold.
    pub require: Vec<(String, String)>,
    /// Where the groups are.
    pub groups: String,
    /// How far the clocks may differ, in seconds.
    pub leeway: u64,
    /// How old a token may be, in seconds, however long it calls itself valid.
    pub oldest: u64,
}

/// Who is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub subject: String,
    /// To whom the token was given.
    pub client: Option<String>,
    /// Who acts for the subject.
    pub actor: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    /// In order, each once.
    pub groups: Vec<String>,
    /// When it ends, in seconds since 1970.
    pub until: u64,
}

/// Why a token does not count. Names of claims are in here, and no content of one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClaimError {
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is meant for another audience")]
    Audience,
    #[error("it is another kind of token")]
    Kind,
    #[error("it was given to another client")]
    Client,
    #[error("it has expired")]
    Expired,
    #[error("it does not hold yet")]
    NotYet,
    #[error("it is older than a token may be")]
    TooOld,
    #[error("it has no \"{0}\" that can be read")]
    Missing(&'static str),
    #[error("it lacks what \"{0}\" has to be")]
    Required(String),
}

impl Expected {
    /// Looks at what a token says. Whether anybody vouches for that, a signature says.
    pub fn check(&self, token: &Unverified<'_>, now: u64) -> Result<Claims, ClaimError> {
        let claims = &token.claims;
        if claims.get("iss").and_then(Value::text) != Some(&self.issuer) {
            return Err(ClaimError::Issuer);
        }
        if !self.kinds.contains(&token.kind) {
            return Err(ClaimError::Kind);
        }
        let audience = claims.get("aud").and_then(Value::texts).ok_or(ClaimError::Missing("aud"))?;
        if !audience.iter().any(|meant| self.audience.iter().any(|own| own == meant)) {
            return Err(ClaimError::Audience);
        }
        let until = self.time(claims, now)?;
        let client = self.client(claims)?;
        for (path, wanted) in &self.require {
            let found = claims.at_path(path).and_then(Value::texts).unwrap_or_default();
            if !found.contains(&wanted.as_str()) {
                return Err(ClaimError::Required(path.clone()));
            }
        }
        Ok(Claims {
            subject: somebody(claims.get("sub")).ok_or(ClaimError::Missing("sub"))?,
            client,
            actor: actor(claims)?,
            name: somebody(claims.get("name")),
            email: email(claims),
            groups: self.groups(claims)?,
            until,
        })
    }

    /// Until when it holds.
    fn time(&self, claims: &Value, now: u64) -> Result<u64, ClaimError> {
        let seconds = |name: &'static str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.seconds().map(Some).ok_or(ClaimError::Missing(name)),
        };
        let until = seconds("exp")?.ok_or(ClaimError::Missing("exp"))?;
        let issued = seconds("iat")?.ok_or(ClaimError::Missing("iat"))?;
        let ahead = now.saturating_add(self.leeway);
        if until.saturating_add(self.leeway) <= now {
            return Err(ClaimError::Expired);
        }
        if issued > ahead || seconds("nbf")?.is_some_and(|begin| begin > ahead) {
            return Err(ClaimError::NotYet);
        }
        let oldest = issued.saturating_add(self.oldest);
        if oldest.saturating_add(self.leeway) <= now {
            return Err(ClaimError::TooOld);
        }
        Ok(until.min(oldest))
    }

    /// `azp` of ID tokens and `client_id` of access tokens say the same; where both stand, they have to.
    fn client(&self, claims: &Value) -> Result<Option<String>, ClaimError> {
        let named = |name: &'static str| match claims.get(name) {
            None => Ok(None),
            Some(value) => somebody(Some(value)).map(Some).ok_or(ClaimError::Missing(name)),
        };
        let (azp, client_id) = (named("azp")?, named("client_id")?);
        if azp.is_some() && client_id.is_some() && azp != client_id {
            return Err(ClaimError::Client);
        }
        let client = azp.or(client_id);
        let is_open = self.clients.is_empty() || client.as_ref().is_some_and(|it| self.clients.contains(it));
        if is_open { Ok(client) } else { Err(ClaimError::Client) }
    }

    /// No claim is no group. One that cannot be read could hide that somebody is in a group that is denied something.
    fn groups(&self, claims: &Value) -> Result<Vec<String>, ClaimError> {
        let unreadable = ClaimError::Missing("groups");
        let Some(value) = claims.at_path(&self.groups) else { return Ok(Vec::new()) };
        let named = value.texts().ok_or(unreadable.clone())?;
        if named.len() > MOST_GROUPS || !named.iter().all(|group| is_readable(group)) {
            return Err(unreadable);
        }
        let mut groups: Vec<String> = named.into_iter().map(ToString::to_string).collect();
        groups.sort_unstable();
        groups.dedup();
        Ok(groups)
    }
}

/// Who acts now; those who acted before are of no account (RFC 8693, section 4.1).
fn actor(claims: &Value) -> Result<Option<String>, ClaimError> {
    match claims.get("act") {
        None => Ok(None),
        Some(act) => somebody(act.get("sub")).map(Some).ok_or(ClaimError::Missing("act")),
    }
}

/// An address that the provider says it has not verified is not shown.
fn email(claims: &Value) -> Option<String> {
    let verified = claims.get("email_verified").is_none_or(|it| *it == Value::Bool(true));
    somebody(claims.get("email")).filter(|_| verified)
}

fn somebody(value: Option<&Value>) -> Option<String> {
    value?.text().filter(|text| is_readable(text)).map(ToString::to_string)
}

/// What records, rules and people can be shown.
fn is_readable(text: &str) -> bool {
    let turns_text_round = |letter| matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.is_empty()
        && text.len() <= LONGEST
        && !text.chars().any(|letter| letter.is_control() || turns_text_round(letter))
}
