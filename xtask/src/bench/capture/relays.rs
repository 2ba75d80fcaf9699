//! The relay beside relays that look at nothing: latency of one small exchange, and CPU for bulk.

use std::net::SocketAddr;

use anyhow::Result;

use super::{Bench, From};
use crate::bench::others;
use crate::bench::table::{Table, Target, median};
use crate::bench::usage::cpu_seconds;
use crate::stage::process::{Process, as_user};

const ROUNDS: usize = 9;
const EXCHANGES: u32 = 1500;
const BULK_ROUNDS: usize = 5;
const BULK: u64 = 1 << 30;
const GIB: f64 = (1_u64 << 30) as f64;

/// A relay that is not Postern.
struct Other {
    process: Process,
    at: SocketAddr,
}

pub(super) fn measure(bench: &Bench, gateway: u32, table: &mut Table) -> Result<()> {
    latency(bench, table)?;
    bulk(bench, gateway, table)
}

fn latency(bench: &Bench, table: &mut Table) -> Result<()> {
    let to = bench.servers.answerer;
    let haproxy = haproxy(bench, to)?;
    let blocking = blocking(bench, to)?;
    let ways = [
        (From::Outside, to),
        (From::Agent(0), to),
        (From::Outside, haproxy.at),
        (From::Outside, blocking.at),
    ];
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for (times, (from, to)) in times.iter_mut().zip(ways) {
            times.push(bench.micros(from, "exchange", to, EXCHANGES)?);
        }
    }
    let [direct, postern, haproxy_times, blocking_times] = &times;
    let added =
        |times: &[f64]| median(times.iter().zip(direct).map(|(time, direct)| time - direct).collect());
    let over_haproxy = added(postern) / added(haproxy_times);
    table.note("exchange of 100 and 200 B, direct, p50", median(direct.clone()), "µs");
    table.note("added by a blocking relay", added(blocking_times), "µs");
    table.note("added by haproxy", added(haproxy_times), "µs");
    table.note("added by postern", added(postern), "µs");
    table.judge(
        "added by postern over added by haproxy (aim: 0.5)",
        over_haproxy,
        "ratio",
        Target::AtMost(1.0),
    );
    haproxy.process.stop()?;
    blocking.process.stop()?;
    Ok(())
}

fn bulk(bench: &Bench, gateway: u32, table: &mut Table) -> Result<()> {
    let to = bench.servers.source;
    let blocking = blocking(bench, to)?;
    let ways = [
        (From::Outside, to, None),
        (From::Agent(0), to, Some(gateway)),
        (From::Outside, blocking.at, Some(blocking.process.pid)),
    ];
    let mut rates: [Vec<f64>; 3] = Default::default();
    let mut cpu: [Vec<f64>; 3] = Default::default();
    for _ in 0..BULK_ROUNDS {
        for (((from, to, relay), rates), cpu) in ways.into_iter().zip(&mut rates).zip(&mut cpu) {
            let before = relay.map_or(Ok(0.0), cpu_seconds)?;
            let report = bench.peer(from, &["download", &to.to_string(), &BULK.to_string()])?;
            rates.push(1.0 / report.median);
            cpu.push(relay.map_or(Ok(0.0), cpu_seconds)? - before);
        }
    }
    let [_, postern, simple] = &cpu;
    let ratio = median(simple.iter().zip(postern).map(|(simple, postern)| simple / postern).collect());
    let names = ["direct", "through postern", "through a blocking relay"];
    for (name, rates) in names.into_iter().zip(rates) {
        table.note(&format!("bulk, {name}"), median(rates) * BULK as f64 / GIB, "GiB/s");
    }
    table.note(
        "bulk, CPU of a blocking relay",
        median(simple.clone()) * 1000.0 * GIB / BULK as f64,
        "ms/GiB",
    );
    table.note("bulk, CPU of postern", median(postern.clone()) * 1000.0 * GIB / BULK as f64, "ms/GiB");
    table.judge("bytes per CPU second, over a blocking relay", ratio, "ratio", Target::AtLeast(0.85));
    blocking.process.stop()?;
    Ok(())
}

fn blocking(bench: &Bench, to: SocketAddr) -> Result<Other> {
    let at = others::free_address()?;
    let mut relay = as_user("nobody", "nogroup");
    relay.arg(&bench.program).args(["bench-peer", "relay", &at.to_string(), &to.to_string()]);
    let process = Process::start(&bench.stage, "a blocking relay", &mut relay, &bench.dir.join("relay.log"))?;
    others::listening(&process, at)?;
    Ok(Other { process, at })
}

fn haproxy(bench: &Bench, to: SocketAddr) -> Result<Other> {
    let (process, at) = others::haproxy(&bench.stage, &bench.dir, to)?;
    Ok(Other { process, at })
}
