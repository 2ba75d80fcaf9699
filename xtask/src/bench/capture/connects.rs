//! What a connect costs, in the kernel alone and with the question whose it is.

use anyhow::Result;

use super::gate::Gate;
use super::kernel::Programs;
use super::{Bench, From};
use crate::bench::servers;
use crate::bench::table::{Table, Target, median};

const ROUNDS: usize = 9;
const CONNECTS: u32 = 300;
const CLOCKED: u32 = 2000;

pub(super) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    in_the_kernel(bench, table)?;
    with_attribution(bench, table)?;
    by_the_programs_clock(bench, table)
}

fn in_the_kernel(bench: &Bench, table: &mut Table) -> Result<()> {
    let gate = Gate::idle(bench.postern.port)?;
    let rounds = compare(bench, "connect")?;
    gate.close()?;
    table.note("connect, direct, p50", rounds.direct, "µs");
    table.note("connect, redirected, p50", rounds.redirected, "µs");
    table.note("connect, redirected over direct", rounds.ratio, "ratio");
    Ok(())
}

fn with_attribution(bench: &Bench, table: &mut Table) -> Result<()> {
    let gate = Gate::asking(bench.postern.port, &bench.postern.enforcer_socket())?;
    let rounds = compare(bench, "greet")?;
    gate.close()?;
    table.note("connect, accept and first byte, direct, p50", rounds.direct, "µs");
    table.judge("added by redirection and attribution", rounds.added, "µs", Target::AtMost(60.0));
    table.note("the same as a ratio", rounds.ratio, "ratio");
    Ok(())
}

/// The clocks cost time themselves, so they come last. Our programs run for every socket of the machine: the clock of a
/// direct round of the same length is taken off.
fn by_the_programs_clock(bench: &Bench, table: &mut Table) -> Result<()> {
    let gate = Gate::idle(bench.postern.port)?;
    let programs = Programs::watch(bench)?;
    let [to, _] = bench.servers.greeters;
    let clocked = |from: From| -> Result<f64> {
        let before = programs.clock()?;
        bench.micros(from, "connect", to, CLOCKED)?;
        Ok((programs.clock()? - before) as f64 / 1000.0 / f64::from(CLOCKED))
    };
    let (mut direct, mut redirected) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        direct.push(clocked(From::Outside)?);
        redirected.push(clocked(From::Agent(0))?);
    }
    gate.close()?;
    let (direct, redirected) = (median(direct), median(redirected));
    table.note("our programs, for one direct connection", direct, "µs");
    table.note("our programs, for one redirected connection", redirected, "µs");
    table.judge("kernel cost of a redirected connect", redirected - direct, "µs", Target::AtMost(8.0));
    Ok(())
}

struct Rounds {
    direct: f64,
    redirected: f64,
    added: f64,
    ratio: f64,
}

/// Direct and redirected in turns.
fn compare(bench: &Bench, task: &str) -> Result<Rounds> {
    // The same work as at the stand-in: accept, and greet or hang up.
    let direct_to = if task == "greet" { bench.servers.greeters[0] } else { servers::closer()? };
    let (mut direct, mut redirected) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        direct.push(bench.micros(From::Outside, task, direct_to, CONNECTS)?);
        redirected.push(bench.micros(From::Agent(0), task, bench.servers.greeters[0], CONNECTS)?);
    }
    let pairs = || direct.iter().zip(&redirected);
    Ok(Rounds {
        added: median(pairs().map(|(direct, redirected)| redirected - direct).collect()),
        ratio: median(pairs().map(|(direct, redirected)| redirected / direct).collect()),
        direct: median(direct.clone()),
        redirected: median(redirected.clone()),
    })
}
