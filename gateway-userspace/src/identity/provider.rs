//! A provider of identities: which of its tokens count, and what they come to.

use std::sync::Arc;

use gateway_audit::event::IdentityProblem;
use gateway_policy::person::Person;
use gateway_protocols::jose::claims::{Claims, Expected};
use gateway_protocols::jose::token::Unverified;

use super::keyring::{Ages, Keyring, Published, Signature};
use super::problem::{of_claims, of_token};
use super::token::Token;
use super::unix;
use crate::config::IdentityProvider;
use crate::https::{Https, Limits, Plain};
use crate::report::one_line;
use crate::sys::clock::Clock;
use crate::tls::target::TrustError;

/// No document of a provider is longer.
const LONGEST_DOCUMENT: usize = 256 << 10;

/// Why a token does not count, and for the record in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub problem: IdentityProblem,
    pub why: String,
}

#[derive(Debug)]
pub struct Provider {
    pub name: String,
    pub keys: IdentityProvider,
    pub https: Https,
    pub keyring: Keyring,
    expected: Expected,
    clock: Arc<dyn Clock>,
}

impl Provider {
    pub fn new(name: &str, keys: &IdentityProvider, clock: Arc<dyn Clock>) -> Result<Self, TrustError> {
        let plain = if keys.danger_http { Plain::OnLoopback } else { Plain::Never };
        let limits = Limits { time: keys.timeout, bytes: LONGEST_DOCUMENT };
        let https = Https::new(keys.ca.as_deref(), plain, limits)?;
        let ages = Ages { fresh: keys.keys_age, away: keys.keys_away.max(keys.keys_age) };
        let keyring = Keyring::new(keys.issuer.clone(), https.clone(), ages, Arc::clone(&clock));
        let name = name.to_owned();
        Ok(Self { name, expected: expected(keys), keys: keys.clone(), https, keyring, clock })
    }

    /// What a token says, if this provider vouches for it and it is meant for us, now.
    pub async fn vouch(&self, token: &Token) -> Result<Claims, Refused> {
        let (unverified, claims) = self.examine(token)?;
        let published = self
            .keyring
            .published()
            .await
            .map_err(|error| Refused { problem: IdentityProblem::ProviderAway, why: one_line(&*error) })?;
        let mut signature = published.verify(&unverified);
        if signature == Signature::UnknownKey
            && let Some(later) = self.keyring.published_since(&published).await
        {
            signature = later.verify(&unverified);
        }
        concluded(signature, claims)
    }

    /// All that can be said without the provider's keys.
    fn examine<'t>(&self, token: &'t Token) -> Result<(Unverified<'t>, Claims), Refused> {
        let longest = self.keys.max_token as usize;
        let read = Unverified::read(token.text(), longest);
        let unverified =
            read.map_err(|error| Refused { problem: of_token(error), why: error.to_string() })?;
        if !self.keys.algorithms.contains(&unverified.algorithm) {
            let why = format!("it is signed with {}", unverified.algorithm);
            return Err(Refused { problem: IdentityProblem::Algorithm, why });
        }
        let checked = self.expected.check(&unverified, unix(&*self.clock));
        let claims =
            checked.map_err(|error| Refused { problem: of_claims(&error), why: error.to_string() })?;
        Ok((unverified, claims))
    }

    /// For tests and measurements: with keys that are at hand.
    #[cfg_attr(not(test), allow(dead_code))]
    pub fn vouch_with(&self, token: &Token, published: &Published) -> Result<Claims, Refused> {
        let (unverified, claims) = self.examine(token)?;
        concluded(published.verify(&unverified), claims)
    }

    /// The person that is meant, under the names that rules know.
    pub fn person(&self, claims: Claims) -> Person {
        let Claims { subject, name, email, groups, .. } = claims;
        let prefixed = |text: String| match &self.keys.prefix {
            Some(prefix) => prefix.clone() + &text,
            None => text,
        };
        Person {
            issuer: self.keys.issuer.clone(),
            subject: prefixed(subject),
            name,
            email,
            groups: groups.into_iter().map(prefixed).collect(),
        }
    }
}

fn concluded(signature: Signature, claims: Claims) -> Result<Claims, Refused> {
    match signature {
        Signature::Good => Ok(claims),
        Signature::Bad => Err(Refused {
            problem: IdentityProblem::BadSignature,
            why: "the signature is not that of the provider's key".to_owned(),
        }),
        Signature::UnknownKey => Err(Refused {
            problem: IdentityProblem::UnknownKey,
            why: "the provider has no such key".to_owned(),
        }),
    }
}

fn expected(keys: &IdentityProvider) -> Expected {
    Expected {
        issuer: keys.issuer.clone(),
        audience: keys.audience.clone(),
        kinds: keys.types.iter().map(|kind| (kind != "none").then(|| kind.to_ascii_lowercase())).collect(),
        clients: keys.clients.clone(),
        require: keys.require.clone(),
        groups: keys.groups.clone(),
        leeway: keys.leeway.as_secs(),
        oldest: keys.max_age.as_secs(),
    }
}
