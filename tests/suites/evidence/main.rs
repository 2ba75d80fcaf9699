//! The evidence: that nothing which ran is missing from the records, whatever becomes of the gateway or its disk, and that
//! whoever changes them is found out, by `postern sessions verify` and by a verifier that shares no line of code with it.

mod disk;
mod secrets;
mod talk;
mod tampering;
mod torture;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use gateway_audit::event::Event;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::postgres::{PASSWORD, Postgres, Version};

/// The database as agents know it.
const NAME: &str = "orders.database.example";
/// A table that agents may write to.
const NOTES: &str = "create table notes (note text); grant all on notes to public";

/// A server that writes down each statement before it runs it.
fn server() -> Result<Postgres> {
    Postgres::of(Version::V15)
        .rule("host all all all scram-sha-256")
        .setting("log_statement=all")
        .setting("log_min_duration_statement=-1")
        .start()
}

/// An agent that may read and write. What it reads need not be on the disk before it is read.
fn plan(server: &Postgres) -> Plan {
    let port = server.port();
    Plan::new().name(NAME, &[Ipv4Addr::LOCALHOST.into()]).agent("coder", &["orders"]).tables(&format!(
        "[targets.orders]\nprotocol = \"postgres\"\nhosts = [\"{NAME}\"]\nports = [{port}]\n\
         [targets.orders.postgres]\nuser = \"agent\"\npassword = \"command:/bin/echo {PASSWORD}\"\n\
         danger_tls = \"disable\"\n\
         [rules.all]\nagents = \"coder\"\ntargets = \"orders\"\neffect = \"allow\"\nwhat = \"any\""
    ))
}

fn folder(gateway: &Gateway) -> PathBuf {
    gateway.folder().join("serve/records")
}

/// Marks of all statements that were allowed and recorded: what stands between `/*` and `*/`.
fn recorded(gateway: &Gateway) -> Result<BTreeSet<String>> {
    let events = gateway.records().events()?;
    let texts = events.iter().filter_map(|event| match event {
        Event::Command(command) => Some(command.text.as_str()),
        _ => None,
    });
    Ok(texts.flat_map(marks).collect())
}

/// What the server was asked to run.
fn executed(server: &Postgres) -> BTreeSet<String> {
    server
        .log()
        .lines()
        .filter(|line| line.contains("statement:") || line.contains("execute"))
        .flat_map(marks)
        .collect()
}

fn marks(text: &str) -> Vec<String> {
    let parts = text.split("/*").skip(1).filter_map(|part| part.split_once("*/"));
    parts.map(|(mark, _)| mark.trim().to_owned()).collect()
}

/// What the product says of the records.
fn verify(gateway: &Gateway, more: &[&str]) -> Result<Output> {
    let records = folder(gateway).display().to_string();
    gateway.postern(&[&["sessions", "verify", &records], more].concat())
}

/// What the other verifier says of them.
fn verify_independently(records: &Path, more: &[&str]) -> Result<Output> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/verify_records.py");
    let mut python = Command::new("/usr/bin/python3");
    python.arg(script).arg(records).args(more).output().context("cannot run python3")
}

fn is_whole(gateway: &Gateway) -> Result<()> {
    for output in [verify(gateway, &[])?, verify_independently(&folder(gateway), &[])?] {
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{said}");
    }
    Ok(())
}

/// Stops the gateway in order.
fn stop(gateway: &mut Gateway) -> Result<()> {
    gateway.gateway.take().context("no gateway runs")?.stop().map(drop)
}
