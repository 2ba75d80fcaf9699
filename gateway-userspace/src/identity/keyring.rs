//! A provider's keys: fetched over TLS, kept for a while, kept longer while the provider is away, and fetched anew for
//! a key that is not known, though not for everybody who makes one up.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use gateway_protocols::jose::discovery::{self, Discovery, DiscoveryError};
use gateway_protocols::jose::keys::{self, KeysError, Material, PublicKey};
use gateway_protocols::jose::token::Unverified;
use jsonwebtoken::{Algorithm, DecodingKey};
use thiserror::Error;
use tokio::sync::Mutex;

use crate::https::{Answer, Https, HttpsError};
use crate::report::one_line;
use crate::sys::clock::Clock;

/// The least time between two attempts to fetch, whoever wants one.
pub const PAUSE: Duration = Duration::from_secs(5);

/// Why there are no keys.
#[derive(Debug, Error)]
pub enum FetchError {
    #[error("the provider cannot be asked")]
    Https(#[from] HttpsError),
    #[error("the provider answered with status {0}")]
    Status(u16),
    #[error("the provider's answer is no text")]
    NoText,
    #[error("what the provider says of itself cannot be used")]
    Discovery(#[from] DiscoveryError),
    #[error("the provider's keys cannot be used")]
    Keys(#[from] KeysError),
    #[error("the provider has no key that could be used")]
    NoKeys,
    #[error("the provider was asked a moment ago, and is not asked again so soon")]
    Paused,
}

/// Whether a signature is one of the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    Good,
    Bad,
    /// There is no key that could have made it.
    UnknownKey,
}

/// What the provider has published.
pub struct Published {
    pub discovery: Discovery,
    keys: Vec<(PublicKey, DecodingKey)>,
    fetched: Duration,
}

impl Published {
    fn new(discovery: Discovery, keys: Vec<PublicKey>, fetched: Duration) -> Option<Self> {
        let keys: Vec<_> = keys.into_iter().filter_map(|key| Some((key.clone(), prepared(&key)?))).collect();
        (!keys.is_empty()).then_some(Self { discovery, keys, fetched })
    }

    /// Two keys that could both be meant are as good as none.
    pub fn verify(&self, token: &Unverified<'_>) -> Signature {
        let named = |key: &PublicKey| token.key.is_none() || key.name == token.key;
        let mut fitting = self.keys.iter().filter(|(key, _)| named(key) && key.suits(token.algorithm));
        let (Some((_, key)), None) = (fitting.next(), fitting.next()) else { return Signature::UnknownKey };
        let algorithm = algorithm(token.algorithm);
        match jsonwebtoken::crypto::verify(token.signature, token.signed.as_bytes(), key, algorithm) {
            Ok(true) => Signature::Good,
            Ok(false) | Err(_) => Signature::Bad,
        }
    }
}

/// How long keys are used.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    /// Before they are asked for again.
    pub fresh: Duration,
    /// While the provider does not answer.
    pub away: Duration,
}

pub struct Keyring {
    issuer: String,
    https: Https,
    ages: Ages,
    clock: Arc<dyn Clock>,
    published: RwLock<Option<Arc<Published>>>,
    /// When it was tried last. Whoever holds it fetches.
    tried: Mutex<Option<Duration>>,
}

impl Keyring {
    pub fn new(issuer: String, https: Https, ages: Ages, clock: Arc<dyn Clock>) -> Self {
        Self { issuer, https, ages, clock, published: RwLock::default(), tried: Mutex::default() }
    }

    /// What is published, as fresh as it has to be.
    pub async fn published(&self) -> Result<Arc<Published>, Arc<FetchError>> {
        let held = self.held();
        match &held {
            Some(held) if self.age(held) < self.ages.fresh => return Ok(Arc::clone(held)),
            // Somebody else is at it; meanwhile what there is will do.
            Some(held) if self.tried.try_lock().is_err() && self.age(held) < self.ages.away => {
                return Ok(Arc::clone(held));
            }
            _ => (),
        }
        let before = held.as_ref().map(|held| held.fetched);
        match self.fetch_after(before).await {
            Ok(fresh) => Ok(fresh),
            Err(error) => match held.filter(|held| self.age(held) < self.ages.away) {
                Some(held) => {
                    tracing::warn!(
                        issuer = self.issuer,
                        error = one_line(&*error),
                        "former keys stay in use"
                    );
                    Ok(held)
                }
                None => Err(error),
            },
        }
    }

    /// What is published now, for a key that was not among `known`. Not more often than the pause allows.
    pub async fn published_since(&self, known: &Published) -> Option<Arc<Published>> {
        self.fetch_after(Some(known.fetched)).await.ok()
    }

    /// Fetches, unless somebody has done so since.
    async fn fetch_after(&self, before: Option<Duration>) -> Result<Arc<Published>, Arc<FetchError>> {
        let mut tried = self.tried.lock().await;
        if let Some(held) = self.held().filter(|held| Some(held.fetched) > before) {
            return Ok(held);
        }
        let now = self.clock.uptime();
        if tried.is_some_and(|tried| now.saturating_sub(tried) < PAUSE) {
            return Err(Arc::new(FetchError::Paused));
        }
        *tried = Some(now);
        let fetched = self.fetch().await.map_err(Arc::new);
        // After a slow answer the pause begins anew.
        *tried = Some(self.clock.uptime());
        let fetched = Arc::new(fetched?);
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&fetched));
        Ok(fetched)
    }

    async fn fetch(&self) -> Result<Published, FetchError> {
        let document = text(self.https.get(&discovery::place(&self.issuer)).await?)?;
        let discovery = discovery::read(&document, &self.issuer)?;
        let keys = keys::read(&text(self.https.get(&discovery.keys).await?)?)?;
        Published::new(discovery, keys, self.clock.uptime()).ok_or(FetchError::NoKeys)
    }

    fn held(&self) -> Option<Arc<Published>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn age(&self, held: &Published) -> Duration {
        self.clock.uptime().saturating_sub(held.fetched)
    }
}

fn text(answer: Answer) -> Result<String, FetchError> {
    match answer.status {
        200 => String::from_utf8(answer.body).map_err(|_| FetchError::NoText),
        other => Err(FetchError::Status(other)),
    }
}

fn prepared(key: &PublicKey) -> Option<DecodingKey> {
    match &key.material {
        Material::Rsa { n, e } => DecodingKey::from_rsa_components(n, e).ok(),
        Material::P256 { x, y } | Material::P384 { x, y } => DecodingKey::from_ec_components(x, y).ok(),
        Material::Ed25519 { x } => DecodingKey::from_ed_components(x).ok(),
    }
}

fn algorithm(named: gateway_protocols::jose::Algorithm) -> Algorithm {
    use gateway_protocols::jose::Algorithm as Named;
    match named {
        Named::Es256 => Algorithm::ES256,
        Named::Es384 => Algorithm::ES384,
        Named::Rs256 => Algorithm::RS256,
        Named::Ps256 => Algorithm::PS256,
        Named::EdDsa => Algorithm::EdDSA,
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Published {
    pub fn of(document: &str) -> Option<Self> {
        let discovery = Discovery { keys: String::new(), tokens: None };
        Self::new(discovery, keys::read(document).ok()?, Duration::ZERO)
    }
}
