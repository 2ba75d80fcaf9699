//! A database whose logins the gateway makes or lends, and an agent that uses it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::postgres::{Postgres, Version};
use gateway_e2e::wait;

pub(crate) const GATEWAYS_PASSWORD: &str = "what only the gateway knows";
const ADMINISTRATORS_PASSWORD: &str = "what only an administrator knows";
/// Longer than it takes until the gateway looks for what was left behind.
pub(crate) const SWEPT: Duration = Duration::from_secs(75);

/// What is there before the gateway comes: a role that may read, one that may also make tables, and a secret.
const SCHEMA: &str = "create role app_ro; create role app_rw; grant create on schema public to app_rw; \
    create table orders(id int primary key, item text); insert into orders values (1, 'nut'), (2, 'bolt'); \
    create table salaries(name text); grant select on orders to app_ro, app_rw";

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) server: Postgres,
    pub(crate) gateway: Gateway,
    pub(crate) agent: Agent,
}

/// How logins of sessions come about on this version.
pub(crate) fn kind(version: Version) -> &'static str {
    match version {
        Version::V15 => "pool",
        Version::V16 | Version::V18 => "role",
    }
}

impl Stage {
    /// A server prepared by `postern target init`, whose sessions have the rights of `role`.
    pub(crate) fn start(version: Version, role: &str) -> Result<Self> {
        let stage = Self::unprepared(version, kind(version), role)?;
        stage.prepare()?;
        Ok(stage)
    }

    pub(crate) fn unprepared(version: Version, kind: &str, role: &str) -> Result<Self> {
        let server = Postgres::of(version)
            .rule("host all all all scram-sha-256")
            .setting("max_prepared_transactions=5")
            .setting("log_statement=ddl")
            .start()?;
        server.sql(SCHEMA)?;
        server.sql(&format!("alter role postgres password '{ADMINISTRATORS_PASSWORD}'"))?;
        let keys = format!(
            "credential = {kind:?}\nuser = \"gate\"\npassword = \"command:/bin/echo {GATEWAYS_PASSWORD}\"\n\
             grant = {role:?}\ndatabases = \"agent\"\npool_size = 3\ndanger_tls = \"disable\""
        );
        Self::over(server, &keys)
    }

    /// A gateway that logs in at the server as these keys of `[targets.orders.postgres]` say.
    pub(crate) fn over(server: Postgres, keys: &str) -> Result<Self> {
        let target = format!(
            "[targets.orders]\nprotocol = \"postgres\"\nhosts = \"127.0.0.1\"\nports = {}\n\
             [targets.orders.postgres]\n{keys}\ndanger_judging = \"off\"\n",
            server.port()
        );
        let gateway = Plan::new().agent("coder", &["orders"]).tables(&target).start()?;
        let agent = gateway.agent("coder")?;
        Ok(Self { server, gateway, agent })
    }

    pub(crate) fn prepare(&self) -> Result<()> {
        let password = format!("command:/bin/echo {ADMINISTRATORS_PASSWORD}");
        let arguments = ["target", "init", "orders", "--admin", "postgres", "--admin-password", &password];
        let prepared = self.gateway.postern(&arguments)?;
        ensure!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        Ok(())
    }

    /// A client of the agent's, with a user, a password and no TLS that are all the agent's own ideas.
    fn psql(&self, statements: &[&str]) -> Result<Command> {
        let mut psql = self.agent.command("psql")?;
        psql.args(["-XAtq", "-h", "127.0.0.1", "-p", &self.server.port().to_string(), "-U", "agent"]);
        psql.args(["-d", "agent", "-v", "ON_ERROR_STOP=1"]).env("PGPASSWORD", "a placeholder");
        psql.env("PGSSLMODE", "disable").env("PGCONNECT_TIMEOUT", "30");
        for statement in statements {
            psql.args(["-c", statement]);
        }
        Ok(psql)
    }

    /// What a session of the agent prints, or its complaint.
    pub(crate) fn ask(&self, statements: &[&str]) -> Result<Result<String, String>> {
        let output = self.psql(statements)?.output().context("cannot run psql")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
    }

    /// A session that stays open, and the login that it has at the server.
    pub(crate) fn stay(&self) -> Result<(Child, String)> {
        let child =
            self.psql(&["select pg_sleep(600)"])?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let login = wait::until("the session is at the server", || {
            let query = "select usename from pg_stat_activity where query like 'select pg_sleep%'";
            Ok(Some(self.server.sql(query)?).filter(|login| !login.is_empty()))
        })?;
        Ok((child, login))
    }

    /// Logins that were made or lent and not yet taken back.
    pub(crate) fn logins(&self) -> Result<String> {
        match kind(self.server.version()) {
            "pool" => self.server.sql_in(
                "postgres",
                "select login from postern_orders.pool where gateway is not null \
                 union select rolname from pg_roles where rolname like 'postern\\_%' and rolcanlogin",
            ),
            _ => self.server.sql("select rolname from pg_roles where rolname like 'postern\\_%'"),
        }
    }

    /// None is left, and nobody is connected with one.
    pub(crate) fn none_is_left(&self) -> Result<()> {
        let connected = "select usename from pg_stat_activity where usename like 'postern\\_%'";
        wait::within(SWEPT, "no login is left", || {
            let left = self.logins()? + &self.server.sql(connected)?;
            Ok(left.is_empty().then_some(()))
        })
    }

    /// All that the gateway said and recorded, once these words are among it.
    pub(crate) fn says(&self, words: &str) -> Result<String> {
        let found = wait::until(words, || Ok(Some(self.said()?).filter(|said| said.contains(words))));
        found.with_context(|| self.said().unwrap_or_default())
    }

    /// All that the gateway said and recorded.
    pub(crate) fn said(&self) -> Result<String> {
        let records = self.gateway.records().text()?;
        let log = self.gateway.gateway.as_ref().map(gateway_e2e::daemon::Daemon::log).unwrap_or_default();
        Ok(records + &log)
    }
}
