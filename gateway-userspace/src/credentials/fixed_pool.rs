//! A login lent from a fixed pool, for servers on which whoever makes logins would rule over all of them.
//!
//! An administrator makes the logins once, and functions that run with the administrator's rights lend them: the
//! gateway's own login can do nothing but call these. `install.sql` and `clean.sql` are what is installed.

use std::sync::Arc;

use gateway_protocols::postgres::scram::{USUAL_ITERATIONS, Verifier};
use sha2::{Digest as _, Sha256};
use tokio::sync::RwLock;

use super::desk::{Desk, Desks};
use super::ledger::{Book, Made};
use super::postgres_role::sql::{identifier, literal};
use super::{Credential, CredentialSource, IssueError, Ledger, Lent, Need, Proof, Work, fresh_keys};
use crate::config::Postgres;
use crate::random;
use crate::report::one_line;

const INSTALL: &str = include_str!("fixed_pool/install.sql");
const CLEAN: &str = include_str!("fixed_pool/clean.sql");
/// As much of a target's name as fits into the names made of it.
const SLUG: usize = 30;

/// What an administrator runs in the database where logins are lent.
pub fn install(target: &str, keys: &Postgres) -> String {
    let grant: Vec<String> = keys.grant.iter().map(|role| literal(role)).collect();
    filled(INSTALL, target, keys)
        .replace("{{size}}", &keys.pool_size.to_string())
        .replace("{{grant}}", &format!("array[{}]", grant.join(", ")))
}

/// What an administrator runs in each database that sessions go to.
pub fn clean(target: &str, keys: &Postgres) -> String {
    filled(CLEAN, target, keys)
}

fn filled(text: &str, target: &str, keys: &Postgres) -> String {
    text.replace("{{schema}}", &schema(target))
        .replace("{{prefix}}", &literal(&format!("postern_pool_{}_", slug(target))))
        .replace("{{user}}", &identifier(&keys.user))
        .replace("{{name}}", &literal(&keys.user))
}

/// Each target has functions and logins of its own, since several may share a server.
fn schema(target: &str) -> String {
    format!("postern_{}", slug(target))
}

/// A target's name as a name of SQL that needs no quotes.
fn slug(target: &str) -> String {
    let plain = target.replace('-', "_");
    if plain.len() <= SLUG {
        return plain;
    }
    let hash: String = Sha256::digest(target).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    plain.chars().take(SLUG).chain("_".chars()).chain(hash.chars()).collect()
}

#[derive(Debug)]
pub struct PoolSource {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: String,
    schema: String,
    databases: Vec<String>,
    desks: Desks,
    ledger: Arc<Ledger>,
    /// Whoever sweeps waits for those who are just being lent one, so that every login is either free or known.
    lending: RwLock<()>,
}

impl PoolSource {
    pub fn new(target: &str, keys: &Postgres, desks: Desks, ledger: Arc<Ledger>) -> Self {
        let shared = Shared {
            target: target.to_owned(),
            schema: schema(target),
            databases: keys.databases.clone(),
            desks,
            ledger,
            lending: RwLock::default(),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl CredentialSource for PoolSource {
    fn issue<'a>(&'a self, need: Need<'a>) -> Work<'a, Result<Credential, IssueError>> {
        Box::pin(self.shared.lend(need))
    }

    fn sweep(&self) -> Work<'_, ()> {
        Box::pin(async {
            self.shared.sweep_all().await;
        })
    }
}

impl Shared {
    async fn lend(self: &Arc<Self>, need: Need<'_>) -> Result<Credential, IssueError> {
        if !self.databases.iter().any(|database| database == need.database) {
            return Err(IssueError::NotPrepared(need.database.to_owned()));
        }
        let desk = self.desks.at(need.server);
        let keys = fresh_keys().map_err(IssueError::Random)?;
        let salt = random::bytes::<16>().map_err(IssueError::Random)?;
        let verifier = Verifier::new(&keys, &*salt, USUAL_ITERATIONS).text();
        let session = literal(need.session);
        let _lending = self.lending.read().await;
        let arguments = format!("{}, {session}, {}", self.gateway()?, literal(&verifier));
        let lent = self.call(&desk, "lend", &arguments).await?;
        let login = lent.into_iter().flatten().flatten().next().ok_or(IssueError::NoneFree)?;
        let book = self.ledger.open()?;
        let lent = LentLogin { login: login.clone(), desk, pool: Arc::clone(self), over: false };
        // From here on the login is given back whatever happens.
        let proof = Proof { keys: Some(keys), ..Proof::default() };
        let credential = Credential::lent(login.clone(), proof, Box::new(lent));
        let made = Made { target: self.target.clone(), server: need.server };
        Book::make(&book, &login, made).await?;
        Ok(credential)
    }

    /// Sweeps the servers that this gateway lent logins at, be it before it was restarted.
    async fn sweep_all(&self) {
        match self.ledger.open() {
            Ok(book) => {
                for (_, server) in book.left_behind(&self.target) {
                    self.desks.at(server);
                }
            }
            Err(error) => tracing::error!(error = one_line(&error), "cannot look for logins left behind"),
        }
        for desk in self.desks.known() {
            self.sweep(&desk).await;
        }
    }

    async fn sweep(&self, desk: &Desk) {
        let left = async {
            let _alone = self.lending.write().await;
            let lent = self.call(desk, "lent", &self.gateway()?).await?;
            let book = self.ledger.open()?;
            Ok(lent.into_iter().flatten().flatten().filter(|login| !book.is_live(login)).collect::<Vec<_>>())
        };
        let left: Result<_, IssueError> = left.await;
        match left {
            Ok(left) => {
                for login in left {
                    self.take_back(desk, &login).await;
                }
            }
            Err(error) => tracing::warn!(error = one_line(&error), "cannot look for logins left behind"),
        }
    }

    /// Takes a login back, or leaves it lent for the next sweep.
    async fn take_back(&self, desk: &Desk, login: &str) {
        if let Err(error) = self.try_to_take_back(desk, login).await {
            let server = desk.server();
            tracing::warn!(error = one_line(&error), login, %server, "a login of the pool is not free again for now");
        }
    }

    async fn try_to_take_back(&self, desk: &Desk, login: &str) -> Result<(), IssueError> {
        let book = self.ledger.open()?;
        let arguments = format!("{}, {}", self.gateway()?, literal(login));
        if let Err(error) = self.clean_up(desk, login, &arguments).await {
            book.leave(login);
            return Err(error);
        }
        // Free logins are lent at once, so what is known of this one is forgotten before.
        book.gone(login);
        self.call(desk, "take_back", &arguments).await.map(drop)
    }

    async fn clean_up(&self, desk: &Desk, login: &str, arguments: &str) -> Result<(), IssueError> {
        let traces = self.call(desk, "end_session", arguments).await?;
        for database in traces.iter().flatten().flatten() {
            let clean = format!("select {}.clean({})", self.schema, literal(login));
            desk.run_in(database, &clean).await?;
        }
        Ok(())
    }

    async fn call(
        &self,
        desk: &Desk,
        function: &str,
        arguments: &str,
    ) -> Result<Vec<Vec<Option<String>>>, IssueError> {
        let answer = desk.run(&format!("select * from {}.{function}({arguments})", self.schema)).await;
        answer.map_err(|error| match error {
            // No such schema, no such function, no right to call it: the pool is not installed for this login.
            IssueError::Own(error) if matches!(error.server_code(), Some("3F000" | "42883" | "42501")) => {
                IssueError::Denied(error)
            }
            error => error,
        })
    }

    fn gateway(&self) -> Result<String, IssueError> {
        Ok(literal(&self.ledger.open()?.id.to_string()))
    }
}

/// A login that is lent.
struct LentLogin {
    login: String,
    desk: Arc<Desk>,
    pool: Arc<Shared>,
    over: bool,
}

impl Lent for LentLogin {
    fn entered(&self) -> Work<'_, Result<(), IssueError>> {
        Box::pin(async {
            let arguments = format!("{}, {}", self.pool.gateway()?, literal(&self.login));
            match self.pool.call(&self.desk, "shut", &arguments).await {
                Err(IssueError::Own(error)) => Err(IssueError::NotShut(error)),
                outcome => outcome.map(drop),
            }
        })
    }

    fn give_back(mut self: Box<Self>) -> Work<'static, ()> {
        Box::pin(async move {
            // Somebody else may have it before this is dropped.
            self.over = true;
            self.pool.take_back(&self.desk, &self.login).await;
        })
    }
}

/// Nobody waited for the end: a sweep takes the login back.
impl Drop for LentLogin {
    fn drop(&mut self) {
        if !self.over
            && let Ok(book) = self.pool.ledger.open()
        {
            book.leave(&self.login);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_that_share_a_server_share_no_logins() {
        assert_eq!(schema("orders-eu"), "postern_orders_eu");
        let (one, other) = (format!("{}1", "x".repeat(62)), format!("{}2", "x".repeat(62)));
        assert_ne!(schema(&one), schema(&other));
        // `postern_pool_`, the slug, `_` and four digits.
        assert!(slug(&one).len() + 18 <= 63);
    }

    #[test]
    fn nothing_of_the_template_is_left_open() {
        let config = crate::config::fixture(
            "[targets.orders]\nprotocol = \"postgres\"\nhosts = \"db.example.com\"\nports = 5432\n\
             [targets.orders.postgres]\ncredential = \"pool\"\nuser = \"l\\\"x\"\npassword = \"env:A\"\n\
             grant = [\"it's\", \"b\"]\ndatabases = \"orders\"\n",
        );
        let keys = &config.postgres["orders"];
        let (install, clean) = (install("orders", keys), clean("orders", keys));
        assert!(!install.contains("{{") && !clean.contains("{{"));
        assert!(
            install.contains("array[E'it\\'s', E'b']") && install.contains("to \"l\"\"x\";"),
            "{install}"
        );
    }
}
