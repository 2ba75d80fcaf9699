//! Many statements that wait at once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gateway_e2e::wait;

use super::stage::{Stage, end};

/// Sessions that wait at once. Each is a psql and a server process, and the server has room for a hundred while all log in.
const MANY: u32 = 30;

#[test]
fn many_wait_at_once_and_each_is_answered() -> Result<()> {
    let stage = Stage::start("approvers = \"*\"")?;
    let waiting: Vec<_> = (0..MANY)
        .map(|number| stage.psql(&[&format!("update orders set state = 'paid' where id = 1000 + {number}")]))
        .collect::<Result<_>>()?;
    wait::within(Duration::from_secs(60), "all of them wait", || {
        Ok((stage.pending()?.len() == MANY as usize).then_some(()))
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
