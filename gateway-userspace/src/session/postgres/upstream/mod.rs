//! The side of the target: its TLS, the gateway's login there, and what is handed to the relay.
//!
//! `approach.rs` makes a connection that has shown what it had to show, `enter.rs` logs in over it, `link.rs` is how
//! the gateway reads and writes meanwhile. Where logins come from is told in `credentials`.

mod approach;
mod enter;
mod error;
mod link;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use gateway_policy::target::Target;
use gateway_protocols::postgres::login::Wish;
use tokio::time::sleep;

pub use approach::Approached;
pub use enter::{Row, TargetSide};
pub use error::UpstreamError;

use crate::config::{Config, Postgres};
use crate::credentials::{self, Credential, CredentialSource, Desks, Ledger, Need, StaticSource};
use crate::tls::target::TargetTls;

/// How often logins that were left behind are looked for.
const SWEEPS: Duration = Duration::from_secs(30);

/// One target: how it is spoken to.
#[derive(Debug)]
pub struct Upstream {
    pub keys: Postgres,
    tls: Option<TargetTls>,
}

impl Upstream {
    pub fn new(target: &Target, keys: &Postgres) -> Result<Self, UpstreamError> {
        Ok(Self { keys: keys.clone(), tls: TargetTls::new(target, keys)? })
    }
}

/// A target and the source of its logins. Lives as long as its configuration stays the same.
#[derive(Debug)]
struct Account {
    target: Target,
    upstream: Arc<Upstream>,
    source: Box<dyn CredentialSource>,
    /// Where the gateway asks for itself.
    desks: Desks,
}

/// All targets that speak PostgreSQL.
#[derive(Debug)]
pub struct Upstreams {
    config: RwLock<Arc<Config>>,
    accounts: Mutex<BTreeMap<String, Arc<Account>>>,
    ledger: Arc<Ledger>,
}

/// A session at a target, and the login that it has there.
#[derive(Debug)]
pub struct Entered {
    pub side: TargetSide,
    /// To be given back when the session is over.
    pub credential: Credential,
}

impl Upstreams {
    pub fn new(config: Arc<Config>) -> Self {
        let ledger = Arc::new(Ledger::at(&config.serve.logins));
        Self { config: RwLock::new(config), accounts: Mutex::default(), ledger }
    }

    /// From now on another configuration holds. Sessions that are open keep what they have.
    pub fn replace(&self, config: Arc<Config>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Logs in at a target for a session, over a connection that was just opened. The wish is the agent's; as whom the
    /// session is there is decided here.
    pub async fn enter(
        &self,
        target: &str,
        session: &str,
        stream: TcpStream,
        mut wish: Wish,
    ) -> Result<Entered, UpstreamError> {
        let account = self.account(target)?;
        let server = stream.peer_addr().map_err(UpstreamError::Lost)?;
        let mut credential = account
            .source
            .issue(Need { session, server, database: &wish.database })
            .await
            .map_err(Box::new)?;
        wish.user.clone_from(&credential.user);
        let entered = async {
            let approached = account.upstream.approach(stream, credential.proof.certificate()).await?;
            let side = account.upstream.log_in(approached, &credential.proof, &wish).await?;
            credential.entered().await.map_err(Box::new)?;
            Ok(side)
        };
        match entered.await {
            Ok(side) => Ok(Entered { side, credential }),
            Err(error) => {
                credential.give_back().await;
                Err(error)
            }
        }
    }

    /// Asks a database something with the gateway's own login.
    pub async fn look(
        &self,
        target: &str,
        server: SocketAddr,
        database: &str,
        question: &str,
    ) -> Result<Vec<Row>, UpstreamError> {
        let account = self.account(target)?;
        let desk = account.desks.at(server);
        desk.run_in(database, question).await.map_err(|error| UpstreamError::from(Box::new(error)))
    }

    /// A connection to a target that is used for something else than a login.
    pub async fn approach(&self, target: &str, stream: TcpStream) -> Result<Approached, UpstreamError> {
        self.account(target)?.upstream.approach(stream, None).await
    }

    /// Takes back logins that were left behind, now and then, for as long as it is polled.
    pub async fn keep(&self) {
        loop {
            for target in self.targets() {
                match self.account(&target) {
                    Ok(account) => account.source.sweep().await,
                    Err(error) => {
                        let error = crate::report::one_line(&error);
                        tracing::warn!(error, target, "cannot look for logins left behind");
                    }
                }
            }
            sleep(SWEEPS).await;
        }
    }

    /// Those that have logins made.
    fn targets(&self) -> Vec<String> {
        let config = self.config();
        let made = config.postgres.iter().filter(|(_, keys)| keys.credential.is_of_a_session());
        made.map(|(name, _)| name.clone()).collect()
    }

    fn account(&self, name: &str) -> Result<Arc<Account>, UpstreamError> {
        let config = self.config();
        let missing = || UpstreamError::NotConfigured(name.to_owned());
        let target = config.targets.get(name).ok_or_else(missing)?;
        let keys = config.postgres.get(name).ok_or_else(missing)?;
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(name).filter(|known| known.is_of(target, keys)) {
            return Ok(Arc::clone(account));
        }
        let upstream = Arc::new(Upstream::new(target, keys)?);
        let source = credentials::source(name, &upstream, &self.ledger);
        let desks = Desks::new(Arc::clone(&upstream), StaticSource::new(keys));
        let account = Arc::new(Account { target: target.clone(), upstream, source, desks });
        accounts.insert(name.to_owned(), Arc::clone(&account));
        Ok(account)
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Account {
    fn is_of(&self, target: &Target, keys: &Postgres) -> bool {
        self.target == *target && self.upstream.keys == *keys
    }
}
