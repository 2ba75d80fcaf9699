//! What a connection costs that has logged in, asked once, and is silent.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use super::ways::{Bench, USER, WAYS, Way};
use crate::bench::usage::memory;
use crate::stage::wait_for;

const CONNECTIONS: u32 = 500;
const ARRIVAL: Duration = Duration::from_secs(120);
/// Until threads without work have gone and buffers are given back.
const REST: Duration = Duration::from_secs(15);
const SCRIPT: &str = "select 1;\n\\sleep 600 s\n";

/// KiB for each connection, by way.
pub(super) fn measure(bench: &Bench) -> Result<Vec<(Way, f64)>> {
    let between = WAYS.into_iter().filter(|way| !bench.processes(*way).is_empty());
    between.map(|way| Ok((way, grown(bench, way).with_context(|| way.name())?))).collect()
}

fn grown(bench: &Bench, way: Way) -> Result<f64> {
    let script = bench.dir.join("silent.sql");
    std::fs::write(&script, SCRIPT)?;
    let before = held(bench, way)?;
    let mut client = bench.client(way, "/usr/bin/pgbench");
    client.args(["-n", "-j", "1", "-t", "1", "-c", &CONNECTIONS.to_string(), "-f"]).arg(&script);
    let mut client = client.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let asked = "select count(*) from pg_stat_activity where usename = '{}' and query like 'select 1%'";
    let asked = asked.replace("{}", USER);
    let all = || bench.ask(&asked).is_ok_and(|count| count == CONNECTIONS.to_string()).then_some(());
    let arrived = wait_for("all connections", ARRIVAL, all);
    std::thread::sleep(REST);
    let after = held(bench, way)?;
    client.kill()?;
    client.wait()?;
    arrived?;
    // The next way's connections are counted from none.
    let none = || bench.ask(&asked).is_ok_and(|count| count == "0").then_some(());
    // pgbouncer keeps the server's side of them.
    if way != Way::Pgbouncer {
        wait_for("their end", ARRIVAL, none)?;
    } else {
        bench.ask(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{USER}'"
        ))?;
    }
    Ok(after.saturating_sub(before) as f64 / f64::from(CONNECTIONS))
}

fn held(bench: &Bench, way: Way) -> Result<u64> {
    bench.processes(way).into_iter().map(memory).sum()
}
