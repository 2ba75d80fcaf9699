//! What has to be done at a server once before logins can be made or lent there: shown first, and run only with an
//! administrator's login.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use gateway_policy::target::Target;
use gateway_protocols::postgres::scram::{Keys, USUAL_ITERATIONS, Verifier};

use super::desk::Desks;
use super::postgres_role::{self, sql};
use super::{StaticSource, client_cert, fixed_pool, secret};
use crate::config::{CredentialKind, Postgres, SecretReference, Serve};
use crate::random;
use crate::service::{folders, privileges};
use crate::session::postgres::upstream::Upstream;
use crate::tls::Clients;

/// Some SQL, and the database that it is for.
#[derive(Debug)]
pub struct Step {
    pub database: String,
    pub sql: String,
}

/// Who may change roles.
#[derive(Debug)]
pub struct Administrator {
    pub user: String,
    pub password: SecretReference,
}

/// All that has to be run, but for the password of the gateway's login. Empty where nothing has to be.
pub fn steps(target: &str, keys: &Postgres) -> Vec<Step> {
    let step = |database: &String, sql| Step { database: database.clone(), sql };
    match keys.credential {
        CredentialKind::Static | CredentialKind::ClientCert => Vec::new(),
        CredentialKind::Role => vec![step(&keys.admin_database, sql::install(&keys.user, &keys.grant))],
        CredentialKind::Pool => {
            let lending = step(&keys.admin_database, fixed_pool::install(target, keys));
            let cleaning = keys.databases.iter().map(|name| step(name, fixed_pool::clean(target, keys)));
            std::iter::once(lending).chain(cleaning).collect()
        }
    }
}

/// For a server that is to trust certificates of the gateway: what an administrator writes into its files. Makes the
/// authority that signs them if there is none, for the user that the gateway runs as.
pub fn instructions(keys: &Postgres, serve: &Serve) -> anyhow::Result<String> {
    let authority =
        Clients::prepare(&serve.logins).context("cannot make the authority for logins of sessions")?;
    let user = privileges::service_user(&serve.user)?;
    for path in [&serve.logins, &authority, &serve.logins.join("clients.key")] {
        folders::hand_over(path, &user)?;
    }
    Ok(client_cert::instructions(&keys.user, &authority))
}

/// Runs the steps, and gives the gateway's login the password that the configuration refers to.
pub async fn run(
    target: &Target,
    keys: &Postgres,
    server: SocketAddr,
    administrator: Administrator,
    steps: &[Step],
) -> anyhow::Result<()> {
    let as_administrator = Postgres {
        user: administrator.user,
        password: Some(administrator.password),
        certificate: None,
        private_key: None,
        ..keys.clone()
    };
    let own = StaticSource::new(&as_administrator);
    let upstream = Arc::new(Upstream::new(target, &as_administrator)?);
    let desk = Desks::new(upstream, own).at(server);
    let version = desk.version().await.context("cannot log in as the administrator")?;
    if keys.credential == CredentialKind::Role {
        ensure!(
            version >= postgres_role::FIRST,
            "on PostgreSQL {version} a login that makes logins rules over all of them; set credential = \"pool\""
        );
    }
    for step in steps {
        desk.run_in(&step.database, &step.sql).await.with_context(|| {
            format!("cannot run the SQL in database {:?}; nothing of it is in force", step.database)
        })?;
    }
    if let Some(reference) = &keys.password {
        let verifier = verifier(reference).await?;
        let sql = format!("alter role {} password {}", sql::identifier(&keys.user), sql::literal(&verifier));
        desk.run(&sql).await.context("cannot set the password of the gateway's login")?;
    }
    Ok(())
}

async fn verifier(reference: &SecretReference) -> anyhow::Result<String> {
    let password = secret::read(reference).await?;
    let salt = random::bytes::<16>()?;
    let keys = match Keys::derive(&password, &*salt, USUAL_ITERATIONS) {
        Ok(keys) => keys,
        Err(error) => bail!(error),
    };
    Ok(Verifier::new(&keys, &*salt, USUAL_ITERATIONS).text().to_string())
}
