//! Each client does all it can.

use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use gateway_e2e::host;
use libtest_mimic::Trial;

use crate::drivers;
use crate::sides::Shared;
use crate::trial;

/// Python programs, each after its driver.
const PYTHON: [(&str, &str); 5] = [
    ("psycopg3", include_str!("clients/psycopg3.py")),
    ("psycopg2", include_str!("clients/psycopg2.py")),
    ("asyncpg", include_str!("clients/asyncpg.py")),
    ("pg8000", include_str!("clients/pg8000.py")),
    ("sqlalchemy", include_str!("clients/sqlalchemy.py")),
];
const SCRIPT: &str = include_str!("clients/script.sql");
const NODE: &str = include_str!("clients/node.js");
const JAVA: &str = include_str!("clients/Jdbc.java");
/// Debian's driver.
const DRIVER: &str = "/usr/share/java/postgresql.jar";

pub(crate) fn trials(shared: &Arc<Shared>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, test: fn(&Shared) -> Result<()>| {
        let shared = Arc::clone(shared);
        trials.push(trial(format!("clients::{name}_sees_the_same"), move || test(&shared)));
    };
    add("psql", psql);
    add("pgbench", pgbench);
    add("node_postgres", |shared| node(shared, NODE));
    add("jdbc", jdbc);
    add("tokio_postgres", |shared| rust(shared, "tokio-postgres"));
    add("sqlx", |shared| rust(shared, "sqlx"));
    for (driver, program) in PYTHON {
        let shared = Arc::clone(shared);
        trials.push(trial(format!("clients::{driver}_sees_the_same"), move || python(&shared, program)));
    }
    trials
}

fn psql(shared: &Shared) -> Result<()> {
    let sides = shared.get()?;
    let script = sides.server.folder().join("script.sql");
    fs::write(&script, SCRIPT)?;
    let script = script.to_str().context("a path that is not text")?;
    let seen = sides.compare(&["psql", "-X", "-f", script], &[])?;
    // An error in the script's beginning would make a short comparison.
    ensure!(seen.output.contains("a payload"), "the script did not come to its end");
    Ok(())
}

/// Its figures differ; that nothing fails does not.
fn pgbench(shared: &Shared) -> Result<()> {
    let sides = shared.get()?;
    let quiet = "pgbench -i -q -s 1 2>/dev/null";
    let count = "psql -XAtc 'select count(*), sum(abalance) from pgbench_accounts'";
    let runs = ["simple", "extended", "prepared"].map(|mode| {
        format!(
            "pgbench -n -M {mode} -c 4 -t 50 --random-seed=1 2>&1 | grep -E 'processed|failed|query mode'"
        )
    });
    let drop =
        "psql -XAtqc 'drop table pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers'";
    let line = format!("{quiet} && {} && {count} && {drop}", runs.join(" && "));
    let seen = sides.compare(&["sh", "-c", &line], &[])?;
    ensure!(seen.output.matches("200/200").count() == 3, "{}", seen.output);
    Ok(())
}

pub(crate) fn python(shared: &Shared, program: &str) -> Result<()> {
    let interpreter = host::peers()?.join("python/bin/python3");
    let interpreter = interpreter.to_str().context("a path that is not text")?;
    shared.get()?.compare(&[interpreter, "-I", "-c", program], &[]).map(drop)
}

pub(crate) fn node(shared: &Shared, program: &str) -> Result<()> {
    shared.get()?.compare(&["node", "--no-deprecation", "-e", program], &[]).map(drop)
}

fn jdbc(shared: &Shared) -> Result<()> {
    let sides = shared.get()?;
    let source = sides.server.folder().join("Jdbc.java");
    fs::write(&source, JAVA)?;
    let source = source.to_str().context("a path that is not text")?;
    // It runs for a moment, so that compiling it well would take longer than it saves.
    let java =
        ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Dfile.encoding=UTF-8"];
    sides.compare(&[&java[..], &["-cp", DRIVER, source]].concat(), &[]).map(drop)
}

/// Drivers for Rust are in this very program.
fn rust(shared: &Shared, driver: &str) -> Result<()> {
    let program = host::this_program()?;
    shared
        .get()?
        .compare(&[program.to_str().context("a path that is not text")?], &[(drivers::ASKED, driver)])
        .map(drop)
}
