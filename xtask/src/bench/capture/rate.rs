//! A thousand connects a second by two agents at once, and nobody mistaken for another.

use std::time::Duration;

use anyhow::{Context, Result};
use gateway_audit::reader;
use serde_json::Value;

use super::kernel::pending;
use super::{Bench, From};
use crate::bench::peer::Report;
use crate::bench::table::{Table, Target};
use crate::stage::wait_for;

const EACH_PER_SECOND: u32 = 500;

pub(super) fn measure(bench: &Bench, seconds: u32, table: &mut Table) -> Result<()> {
    let entries_before = pending(bench)?;
    let lines_before = lines(bench)?.len();
    let mut agents = Vec::new();
    for (number, to) in bench.servers.greeters.into_iter().enumerate() {
        let task = ["rate", &to.to_string(), &EACH_PER_SECOND.to_string(), &seconds.to_string()];
        let child = bench.start_peer(From::Agent(number), &task)?;
        agents.push((child.id(), to.port(), child));
    }
    let (mut done, mut failed, mut took) = (0, 0, 0.0_f64);
    let mut expected = Vec::new();
    for ((pid, port, child), name) in agents.into_iter().zip(["one", "two"]) {
        let report: Report = serde_json::from_slice(&child.wait_with_output()?.stdout)
            .context("a client says something else than its figures")?;
        done += report.done;
        failed += report.failed;
        took = took.max(report.took);
        expected.push((name, pid, port));
    }
    let opened = || lines(bench).map(|lines| opened(&lines, lines_before)).unwrap_or_default();
    // The last records may still be on their way.
    let all =
        wait_for("all records", Duration::from_secs(10), || Some(opened()).filter(|all| all.len() >= done));
    let all = all.unwrap_or_else(|_| opened());
    let wrong = all.iter().filter(|record| !expected.iter().any(|whose| is_by(record, *whose))).count();
    table.judge("connects a second, both agents", done as f64 / took, "/s", Target::AtLeast(950.0));
    table.judge("connects that failed", failed as f64, "", Target::Exactly(0.0));
    table.judge("connects without a record", (done - done.min(all.len())) as f64, "", Target::Exactly(0.0));
    table.judge("records with the wrong agent, process or port", wrong as f64, "", Target::Exactly(0.0));
    let leaked = pending(bench)?.saturating_sub(entries_before);
    table.judge("map entries left behind", leaked as f64, "", Target::Exactly(0.0));
    Ok(())
}

fn opened(lines: &[String], skip: usize) -> Vec<Value> {
    let records = lines.iter().skip(skip).filter_map(|line| serde_json::from_str(line).ok());
    records.filter(|record: &Value| record.get("event").is_some_and(|event| event == "opened")).collect()
}

/// The port tells which agent it must have been, and each agent is one process.
fn is_by(record: &Value, (agent, pid, port): (&str, u32, u16)) -> bool {
    let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
    let process = record.get("tgid").and_then(Value::as_u64);
    text("agent") == agent && process == Some(pid.into()) && text("original").ends_with(&format!(":{port}"))
}

fn lines(bench: &Bench) -> Result<Vec<String>> {
    let records = reader::everything(&bench.postern.records()).context("cannot read the records")?;
    records.iter().map(|record| Ok(serde_json::to_string(record)?)).collect()
}
