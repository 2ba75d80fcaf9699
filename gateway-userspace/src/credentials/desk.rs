//! The gateway's own connections to one server, at which logins are made and taken back. A few are kept open, since
//! a session waits for them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_protocols::postgres::login::Wish;
use gateway_protocols::postgres::startup::{Replication, Version};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{IssueError, StaticSource};
use crate::relay::upstream::connect;
use crate::session::postgres::upstream::{Row, TargetSide, Upstream, UpstreamError};

/// How many commands of the gateway run at a server at a time.
const CONNECTIONS: usize = 4;
/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What every connection begins with. That a login is made or gone need not survive the server's power cut: the login
/// is short-lived, and looked for again.
const BEGIN: &str = "set synchronous_commit = off; set statement_timeout = '15s'; set lock_timeout = '10s'; \
    set datestyle = 'ISO, YMD'; set timezone = 'UTC'; set search_path = pg_catalog, pg_temp";

/// The servers of one target.
#[derive(Debug)]
pub struct Desks {
    upstream: Arc<Upstream>,
    own: Arc<StaticSource>,
    database: String,
    known: Mutex<BTreeMap<SocketAddr, Arc<Desk>>>,
}

impl Desks {
    pub fn new(upstream: Arc<Upstream>, own: StaticSource) -> Self {
        let database = upstream.keys.admin_database.clone();
        Self { upstream, own: Arc::new(own), database, known: Mutex::default() }
    }

    pub fn at(&self, server: SocketAddr) -> Arc<Desk> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || {
            let (upstream, own) = (Arc::clone(&self.upstream), Arc::clone(&self.own));
            Arc::new(Desk::new(upstream, own, server, &self.database))
        };
        Arc::clone(known.entry(server).or_insert_with(fresh))
    }

    /// Those that some session went to.
    pub fn known(&self) -> Vec<Arc<Desk>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// Where the gateway talks with one server.
#[derive(Debug)]
pub struct Desk {
    upstream: Arc<Upstream>,
    own: Arc<StaticSource>,
    server: SocketAddr,
    database: String,
    idle: Mutex<Vec<TargetSide>>,
    room: Semaphore,
}

impl Desk {
    fn new(upstream: Arc<Upstream>, own: Arc<StaticSource>, server: SocketAddr, database: &str) -> Self {
        Self {
            upstream,
            own,
            server,
            database: database.to_owned(),
            idle: Mutex::default(),
            room: Semaphore::new(CONNECTIONS),
        }
    }

    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Runs a command that may run twice: a connection that was kept may be dead, and one try more is made.
    pub async fn run(&self, sql: &str) -> Result<Vec<Row>, IssueError> {
        let _room = self.room.acquire().await;
        while let Some(kept) = self.take() {
            match self.try_on(kept, sql).await {
                Err(UpstreamError::Lost(_) | UpstreamError::Closed) => (),
                Err(error) if is_of_the_connection(&error) => (),
                outcome => return outcome.map_err(own),
            }
        }
        let fresh = self.open(&self.database).await?;
        self.try_on(fresh, sql).await.map_err(own)
    }

    /// The major version of the server.
    pub async fn version(&self) -> Result<u32, IssueError> {
        let kept = self.take();
        let side = match kept {
            Some(side) => side,
            None => self.open(&self.database).await?,
        };
        let version = side.server_version().unwrap_or_default();
        self.keep(side);
        Ok(version)
    }

    /// Runs a command in another database of the server.
    pub async fn run_in(&self, database: &str, sql: &str) -> Result<Vec<Row>, IssueError> {
        let mut side = self.open(database).await?;
        answer(&mut side, sql).await.map_err(own)
    }

    /// Runs commands in another database one after the other, each in a transaction of its own.
    pub async fn run_each_in(&self, database: &str, commands: &[&str]) -> Result<(), IssueError> {
        let mut side = self.open(database).await?;
        for sql in commands {
            answer(&mut side, sql).await.map_err(own)?;
        }
        Ok(())
    }

    async fn open(&self, database: &str) -> Result<TargetSide, IssueError> {
        let login = self.own.login().await?;
        let opened = async {
            let stream = connect(self.server, self.upstream.keys.login_timeout).await;
            let stream = stream.map_err(|_| UpstreamError::Unreachable)?;
            let approached = self.upstream.approach(stream, login.proof.certificate()).await?;
            let wish = Wish {
                version: Version::V3_0,
                user: login.user.clone(),
                database: database.to_owned(),
                replication: Replication::None,
                parameters: vec![("application_name".to_owned(), "postern".to_owned())],
            };
            let mut side = self.upstream.log_in(approached, &login.proof, &wish).await?;
            answer(&mut side, BEGIN).await?;
            Ok(side)
        };
        opened.await.map_err(own)
    }

    async fn try_on(&self, mut side: TargetSide, sql: &str) -> Result<Vec<Row>, UpstreamError> {
        let outcome = answer(&mut side, sql).await;
        let sound = match &outcome {
            Ok(_) => true,
            Err(error) => matches!(error, UpstreamError::Command { .. }) && !is_of_the_connection(error),
        };
        if sound {
            self.keep(side);
        }
        outcome
    }

    fn take(&self) -> Option<TargetSide> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, side: TargetSide) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < CONNECTIONS {
            idle.push(side);
        }
    }
}

async fn answer(side: &mut TargetSide, sql: &str) -> Result<Vec<Row>, UpstreamError> {
    timeout(PATIENCE, side.query(sql)).await.map_err(|_| UpstreamError::TimedOut)?
}

/// The server ended the connection with words: it was told to, or it is stopping.
fn is_of_the_connection(error: &UpstreamError) -> bool {
    error.server_code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
}

fn own(error: UpstreamError) -> IssueError {
    IssueError::Own(Box::new(error))
}
