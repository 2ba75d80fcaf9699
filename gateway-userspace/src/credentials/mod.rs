//! Where the login of a session comes from. One file for each source, and one trait that all of them are behind.
//!
//! An agent never sees a login. What a source hands out is used for one session, is taken back when the session ends,
//! and is taken back all the same when nobody is left to say that it did: see `ledger.rs`.

mod client_cert;
mod desk;
mod fixed_pool;
pub mod install;
mod ledger;
mod name;
mod postgres_role;
mod proof;
mod secret;
mod r#static;

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use gateway_protocols::postgres::scram::Keys;
use thiserror::Error;

use crate::config::CredentialKind;
use crate::random;
use crate::session::postgres::upstream::{Upstream, UpstreamError};
use crate::tls::AuthorityError;
use crate::tls::target::TrustError;
use client_cert::CertificateSource;
pub use desk::Desks;
use fixed_pool::PoolSource;
pub use ledger::{Ledger, LedgerError};
use postgres_role::RoleSource;
pub use proof::{Password, Proof};
pub use secret::{SecretError, read as read_secret};
pub use r#static::StaticSource;

/// What a login is for.
#[derive(Debug, Clone, Copy)]
pub struct Need<'a> {
    /// What the session is called in the records.
    pub session: &'a str,
    /// The very server that the session goes to.
    pub server: SocketAddr,
    pub database: &'a str,
}

/// Something that is still to be done, whoever waits for it.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place that logins come from.
pub trait CredentialSource: fmt::Debug + Send + Sync {
    fn issue<'a>(&'a self, need: Need<'a>) -> Work<'a, Result<Credential, IssueError>>;

    /// Takes back what earlier sessions left behind. Called now and then.
    fn sweep(&self) -> Work<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A login that belongs to one session and has to be taken back.
pub trait Lent: Send + Sync {
    /// The session has logged in: nobody may do so again.
    fn entered(&self) -> Work<'_, Result<(), IssueError>>;

    /// The session is over.
    fn give_back(self: Box<Self>) -> Work<'static, ()>;
}

/// A login for one session.
pub struct Credential {
    pub user: String,
    pub proof: Proof,
    lent: Option<Box<dyn Lent>>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Credential {
    /// A login that outlives the session.
    fn standing(user: String, proof: Proof) -> Self {
        Self { user, proof, lent: None }
    }

    fn lent(user: String, proof: Proof, lent: Box<dyn Lent>) -> Self {
        Self { user, proof, lent: Some(lent) }
    }

    /// To be called once the session has logged in. Without it the session must not go on.
    pub async fn entered(&mut self) -> Result<(), IssueError> {
        self.proof.forget();
        match &self.lent {
            Some(lent) => lent.entered().await,
            None => Ok(()),
        }
    }

    /// To be called when the session is over. Done when the login is gone, or is left to a later sweep.
    pub async fn give_back(mut self) {
        if let Some(lent) = self.lent.take() {
            lent.give_back().await;
        }
    }
}

/// A login that nobody gave back is given back all the same.
impl Drop for Credential {
    fn drop(&mut self) {
        if let Some(lent) = self.lent.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(lent.give_back());
        }
    }
}

/// Why there is no login.
#[derive(Debug, Error)]
pub enum IssueError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the certificate to log in with cannot be used")]
    Certificate(#[from] TrustError),
    #[error("no certificate can be made for the session")]
    Authority(#[from] AuthorityError),
    #[error("the gateway's own login at the target failed")]
    Own(#[source] Box<UpstreamError>),
    #[error(
        "PostgreSQL {0} lets whoever may make logins rule over all of them, so none are made there; \
         set credential = \"pool\", and run `postern target init`"
    )]
    TooOld(u32),
    #[error("no login can be made at the target, for want of rights; run `postern target init`")]
    Denied(#[source] Box<UpstreamError>),
    #[error("the login that was made cannot be shut behind the session")]
    NotShut(#[source] Box<UpstreamError>),
    #[error("all logins of the pool are lent")]
    NoneFree,
    #[error(
        "the pool does not clean up in database {0:?}; add it to `databases` and run `postern target init`"
    )]
    NotPrepared(String),
    #[error("a login that is not written down is not made")]
    Ledger(#[from] LedgerError),
    #[error("the gateway has no random numbers")]
    Random(#[source] std::io::Error),
}

/// The source that a target's configuration names.
pub fn source(target: &str, upstream: &Arc<Upstream>, ledger: &Arc<Ledger>) -> Box<dyn CredentialSource> {
    let keys = &upstream.keys;
    let own = StaticSource::new(keys);
    let desks = |own| Desks::new(Arc::clone(upstream), own);
    match keys.credential {
        CredentialKind::Static => Box::new(own),
        CredentialKind::Role => {
            Box::new(RoleSource::new(target, &keys.grant, desks(own), Arc::clone(ledger)))
        }
        CredentialKind::Pool => Box::new(PoolSource::new(target, keys, desks(own), Arc::clone(ledger))),
        CredentialKind::ClientCert => Box::new(CertificateSource::new(&keys.user, ledger.folder())),
    }
}

/// Random keys, which no password leads to.
fn fresh_keys() -> std::io::Result<Keys> {
    Ok(Keys::without_password(*random::bytes::<32>()?, *random::bytes::<32>()?))
}
