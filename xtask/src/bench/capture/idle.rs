//! What a connection costs at rest.

use std::io::{BufRead, BufReader};
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Bench, From};
use crate::bench::table::{Table, Target};
use crate::bench::usage::{file_limit, memory};
use crate::stage::wait_for;

const CONNECTIONS: usize = 10_000;
/// Descriptors of the gateway that are no connection's.
const OTHERS: u64 = 400;
const ARRIVAL: Duration = Duration::from_secs(60);
/// Until threads without work have gone.
const REST: Duration = Duration::from_secs(15);

pub(super) fn measure(bench: &Bench, gateway: u32, table: &mut Table) -> Result<()> {
    let room = file_limit()?.saturating_sub(OTHERS) / 2;
    let wanted = usize::try_from(room)?.min(CONNECTIONS);
    let before = memory(gateway)?;
    let to = bench.servers.keeper.to_string();
    let mut holder = bench.start_peer(From::Agent(0), &["hold", &to, &wanted.to_string()])?;
    let mut said = String::new();
    BufReader::new(holder.stdout.take().context("a client without output")?).read_line(&mut said)?;
    anyhow::ensure!(said.trim() == wanted.to_string(), "the client could not open all its connections");
    let kept = || bench.servers.kept.lock().unwrap_or_else(PoisonError::into_inner).len();
    // How many there are stands in the table, all or not.
    let all = wait_for("all connections", ARRIVAL, || (kept() == wanted).then_some(())).is_ok();
    std::thread::sleep(REST);
    let grown = memory(gateway)?.saturating_sub(before);
    let held = if all { wanted } else { kept() };
    let name = format!("idle connections held (the file limit has room for {room})");
    table.judge(&name, held as f64, "", Target::AtLeast(CONNECTIONS as f64));
    table.judge("memory of the gateway for each", grown as f64 / held as f64, "KiB", Target::AtMost(24.0));
    // The client ends when its input does.
    drop(holder.stdin.take());
    holder.wait()?;
    bench.servers.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    Ok(())
}
