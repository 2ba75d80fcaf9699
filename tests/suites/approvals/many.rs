//! Many statements that wait at once, and how soon a yes reaches the server.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gateway_e2e::wait;

use super::stage::{Stage, end};

/// Sessions that wait at once. Each is a psql and a server process, and the server has room for a hundred while all log in.
const MANY: u32 = 30;

#[test]
fn what_waits_has_no_thread() -> Result<()> {
    let stage = Stage::start("approvers = \"*\"")?;
    let before = threads(&stage)?;
    let waiting: Vec<_> = (0..MANY)
        .map(|number| stage.psql(&[&format!("update orders set state = 'paid' where id = 1000 + {number}")]))
        .collect::<Result<_>>()?;
    wait::within(Duration::from_secs(60), "all of them wait", || {
        Ok((stage.pending()?.len() == MANY as usize).then_some(()))
    })?;
    // Threads that had something to do stay for ten seconds, and asking takes some.
    wait::within(Duration::from_secs(20), "no thread waits with them", || {
        Ok((threads(&stage)? < before + MANY as usize / 2).then_some(()))
    })?;
    for request in stage.pending()? {
        stage.postern(&["approvals", "approve", request["id"].as_str().context("a number")?])?;
    }
    for psql in waiting {
        let said = end(psql)?;
        ensure!(said.contains("UPDATE 0"), "{said}");
    }
    Ok(())
}

#[test]
fn the_same_statement_of_many_sessions_is_one_request() -> Result<()> {
    let stage = Stage::start("approvers = \"*\"")?;
    let text = "update orders set state = 'paid' where id = 1";
    let waiting: Vec<_> = (0..3).map(|_| stage.psql(&[text])).collect::<Result<_>>()?;
    wait::until_true("all of them wait", || {
        Ok(stage.pending()?.first().is_some_and(|request| request["times"] == 3))
    })?;
    ensure!(stage.pending()?.len() == 1, "they are several requests");
    let since = Instant::now();
    stage.postern(&["approvals", "approve", &stage.request()?])?;
    for psql in waiting {
        let said = end(psql)?;
        ensure!(said.contains("UPDATE 1"), "{said}");
    }
    ensure!(since.elapsed() < Duration::from_secs(10), "it took {:?}", since.elapsed());
    Ok(())
}

fn threads(stage: &Stage) -> Result<usize> {
    let pid = stage.gateway.gateway.as_ref().context("no gateway runs")?.pid();
    Ok(fs::read_dir(format!("/proc/{pid}/task"))?.count())
}
