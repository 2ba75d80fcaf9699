//! The gateway as PostgreSQL: how agents come in, and what they may do to each other's queries.

mod believing;
mod cancelling;
mod greeting;
mod replication;

use std::net::Ipv4Addr;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::host;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::postgres::{PASSWORD, Postgres, Version};

/// The database as agents know it.
const NAME: &str = "orders.database.example";
/// What agents' drivers send where they insist on a password.
const PLACEHOLDER: &str = "not-a-secret";

fn server() -> Result<Postgres> {
    Postgres::of(Version::V18).rule("host all all all scram-sha-256").start()
}

/// The server as a target.
fn database(server: &Postgres) -> String {
    let port = server.port();
    format!(
        "[targets.orders]\nprotocol = \"postgres\"\nhosts = [\"{NAME}\"]\nports = [{port}]\n\
         [targets.orders.postgres]\nuser = \"agent\"\npassword = \"command:/bin/echo {PASSWORD}\"\n\
         danger_tls = \"disable\"\ndanger_judging = \"off\""
    )
}

/// Two agents, of which the first is asked for nothing and the second for a placeholder.
fn plan(server: &Postgres) -> Plan {
    let placeholder = format!("placeholder = \"command:/bin/echo {PLACEHOLDER}\"");
    Plan::new()
        .name(NAME, &[Ipv4Addr::LOCALHOST.into()])
        .agent("coder", &["orders"])
        .agent_with("tester", &["orders"], &placeholder)
        .tables(&database(server))
}

/// A program in an agent, with the environment that clients of PostgreSQL read.
fn client(gateway: &Gateway, server: &Postgres, agent: &Agent, program: &str) -> Result<Command> {
    let mut command = agent.command(program)?;
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
    command.env("PGHOST", NAME).env("PGPORT", server.port().to_string()).env("PGDATABASE", "agent");
    command.env("PGUSER", "whoever").env("PGCONNECT_TIMEOUT", "20").stdin(Stdio::null());
    command.env("PGSSLROOTCERT", gateway.folder().join("serve/trust/ca.pem"));
    Ok(command)
}

/// What psql prints of one command.
fn psql(gateway: &Gateway, server: &Postgres, agent: &Agent, more: &[(&str, &str)]) -> Result<Output> {
    let mut command = client(gateway, server, agent, "psql")?;
    let seen = "select session_user, 6 * 7";
    command.args(["-XAtwc", seen]).envs(more.iter().copied()).output().context("cannot run psql")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The Python that has drivers.
fn python() -> Result<String> {
    let python = host::peers()?.join("python/bin/python");
    Ok(python.to_str().context("a path that is no text")?.to_owned())
}
