//! The host's own resolver (getaddrinfo), asked for the names in the configuration and for nothing else.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_policy::target::HostName;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::canonical_all;

/// Calls into the host's resolver at once. One that hangs keeps its place until it returns.
const CALLS: usize = 16;
/// How long a failure is believed.
const FAILURE_STANDS: Duration = Duration::from_secs(2);

/// The addresses of a name, and for how long they may be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    pub addresses: Vec<IpAddr>,
    pub ttl: Duration,
}

#[derive(Debug)]
pub struct HostResolver {
    /// One place for each configured name. Whoever asks for a name while it is being looked up waits for
    /// that answer, so a slow name takes one call and not all.
    names: HashMap<HostName, Mutex<Option<Cached>>>,
    calls: Arc<Semaphore>,
    max_ttl: Duration,
    limit: Duration,
}

#[derive(Debug, Clone)]
struct Cached {
    addresses: Option<Vec<IpAddr>>,
    until: Instant,
}

impl HostResolver {
    pub fn new(names: impl Iterator<Item = HostName>, max_ttl: Duration, limit: Duration) -> Self {
        Self {
            names: names.map(|name| (name, Mutex::default())).collect(),
            calls: Arc::new(Semaphore::new(CALLS)),
            max_ttl,
            limit,
        }
    }

    /// `None` when the host has no answer, or the name is not a configured one.
    pub async fn look_up(&self, name: &HostName) -> Option<Lookup> {
        let mut place = self.names.get(name)?.lock().await;
        let cached = match place.take() {
            Some(cached) if Instant::now() < cached.until => cached,
            _ => self.ask(name).await,
        };
        let ttl = cached.until.saturating_duration_since(Instant::now());
        let addresses = cached.addresses.clone();
        *place = Some(cached);
        addresses.map(|addresses| Lookup { addresses, ttl })
    }

    async fn ask(&self, name: &HostName) -> Cached {
        let addresses = timeout(self.limit, self.call(name)).await.ok().flatten();
        let stands = if addresses.is_some() { self.max_ttl } else { FAILURE_STANDS };
        Cached { addresses, until: Instant::now() + stands }
    }

    async fn call(&self, name: &HostName) -> Option<Vec<IpAddr>> {
        let place = Arc::clone(&self.calls).acquire_owned().await.ok()?;
        let name = name.as_str().to_owned();
        let call = move || {
            let found = (name.as_str(), 0).to_socket_addrs();
            drop(place);
            found.map(|found| canonical_all(found.map(|address| address.ip())))
        };
        match tokio::task::spawn_blocking(call).await {
            Ok(Ok(addresses)) => Some(addresses),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the host's resolver has no answer");
                None
            }
            Err(_) => None,
        }
    }
}
