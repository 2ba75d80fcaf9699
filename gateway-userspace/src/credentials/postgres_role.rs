//! A login that is made for one session and dropped after it. PostgreSQL 16 and newer.
//!
//! What a login may do comes from the roles of `grant` and from nowhere else: it inherits from them and cannot become
//! them. It has no password; the gateway holds keys that no password has, and shuts the login behind the session.

pub mod sql;

use std::sync::Arc;

use gateway_protocols::postgres::scram::{USUAL_ITERATIONS, Verifier};

use super::desk::{Desk, Desks};
use super::ledger::{Book, Made};
use super::{Credential, CredentialSource, IssueError, Ledger, Lent, Need, Proof, Work, fresh_keys};
use crate::random;
use crate::report::one_line;
use crate::session::postgres::upstream::UpstreamError;

/// From this version on a role that may make roles rules over those that it made only.
pub const FIRST: u32 = 16;

#[derive(Debug)]
pub struct RoleSource {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: String,
    grant: Vec<String>,
    desks: Desks,
    ledger: Arc<Ledger>,
}

impl RoleSource {
    pub fn new(target: &str, grant: &[String], desks: Desks, ledger: Arc<Ledger>) -> Self {
        let shared = Shared { target: target.to_owned(), grant: grant.to_vec(), desks, ledger };
        Self { shared: Arc::new(shared) }
    }
}

impl CredentialSource for RoleSource {
    fn issue<'a>(&'a self, need: Need<'a>) -> Work<'a, Result<Credential, IssueError>> {
        Box::pin(self.shared.mint(need))
    }

    fn sweep(&self) -> Work<'_, ()> {
        Box::pin(self.shared.sweep())
    }
}

impl Shared {
    async fn mint(self: &Arc<Self>, need: Need<'_>) -> Result<Credential, IssueError> {
        let desk = self.desks.at(need.server);
        let version = desk.version().await?;
        if version < FIRST {
            return Err(IssueError::TooOld(version));
        }
        let book = self.ledger.open()?;
        let login = book.id.login(need.session).map_err(IssueError::Random)?;
        let keys = fresh_keys().map_err(IssueError::Random)?;
        let salt = random::bytes::<16>().map_err(IssueError::Random)?;
        let made = Made { target: self.target.clone(), server: need.server };
        Book::make(&book, &login, made).await?;
        let lent = MintedLogin { login: login.clone(), desk: Arc::clone(&desk), book, over: false };
        let verifier = Verifier::new(&keys, &*salt, USUAL_ITERATIONS);
        // From here on the login is given back whatever happens, by dropping `lent` at the latest.
        let credential =
            Credential::lent(login.clone(), Proof { keys: Some(keys), ..Proof::default() }, Box::new(lent));
        match desk.run(&sql::mint(&login, &verifier.text(), &self.grant)).await {
            Ok(_) => Ok(credential),
            Err(IssueError::Own(error)) => Err(refused(error)),
            Err(error) => Err(error),
        }
    }

    /// Takes back what stands in the ledger, and what bears this gateway's name at the servers that it knows.
    async fn sweep(self: &Arc<Self>) {
        let book = match self.ledger.open() {
            Ok(book) => book,
            Err(error) => {
                return tracing::error!(error = one_line(&error), "cannot look for logins left behind");
            }
        };
        for (login, server) in book.left_behind(&self.target) {
            take_back(&self.desks.at(server), &book, &login).await;
        }
        for desk in self.desks.known() {
            self.sweep_server(&desk, &book).await;
        }
    }

    async fn sweep_server(&self, desk: &Desk, book: &Book) {
        let found = match desk.run(&sql::list(&book.id.prefix())).await {
            Ok(found) => found,
            Err(error) => {
                return tracing::warn!(
                    error = one_line(&error),
                    target = self.target,
                    "cannot look for logins left behind"
                );
            }
        };
        for login in found.into_iter().flatten().flatten().filter(|login| !book.is_live(login)) {
            take_back(desk, book, &login).await;
        }
    }
}

fn refused(error: Box<UpstreamError>) -> IssueError {
    match error.server_code() {
        // insufficient_privilege, undefined_object: no right to make roles, or a role of `grant` is not there.
        Some("42501" | "42704") => IssueError::Denied(error),
        _ => IssueError::Own(error),
    }
}

/// A login that was made, or is about to be.
struct MintedLogin {
    login: String,
    desk: Arc<Desk>,
    book: Arc<Book>,
    over: bool,
}

impl Lent for MintedLogin {
    fn entered(&self) -> Work<'_, Result<(), IssueError>> {
        Box::pin(async {
            match self.desk.run(&sql::shut(&self.login)).await {
                Ok(_) => Ok(()),
                Err(IssueError::Own(error)) => Err(IssueError::NotShut(error)),
                Err(error) => Err(error),
            }
        })
    }

    fn give_back(mut self: Box<Self>) -> Work<'static, ()> {
        Box::pin(async move {
            take_back(&self.desk, &self.book, &self.login).await;
            self.over = true;
        })
    }
}

/// Nobody waited for the end: a sweep takes the login back.
impl Drop for MintedLogin {
    fn drop(&mut self) {
        if !self.over {
            self.book.leave(&self.login);
        }
    }
}

/// Takes a login back, or leaves it for the next sweep.
async fn take_back(desk: &Desk, book: &Book, login: &str) {
    match try_to_take_back(desk, login).await {
        Ok(()) => book.gone(login),
        Err(error) => {
            book.leave(login);
            let server = desk.server();
            tracing::warn!(error = one_line(&error), login, %server, "a login is left at its server for now");
        }
    }
}

async fn try_to_take_back(desk: &Desk, login: &str) -> Result<(), IssueError> {
    let traces = match desk.run(&sql::end(login)).await {
        Ok(traces) => traces,
        Err(error) if is_unknown(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    // Prepared transactions come first: what they did is not there to be dropped before they end.
    for trace in &traces {
        if let [Some(database), Some(prepared)] = trace.as_slice() {
            desk.run_each_in(database, &[&sql::put_on(login), &sql::roll_back(prepared)]).await?;
        }
    }
    for database in databases(&traces) {
        desk.run_in(database, &sql::drop_owned(login)).await?;
    }
    match desk.run(&sql::drop_role(login)).await {
        Err(error) if !is_unknown(&error) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn databases(traces: &[Vec<Option<String>>]) -> std::collections::BTreeSet<&str> {
    traces.iter().filter_map(|trace| trace.first()?.as_deref()).collect()
}

fn is_unknown(error: &IssueError) -> bool {
    matches!(error, IssueError::Own(error) if error.server_code() == Some("42704"))
}
