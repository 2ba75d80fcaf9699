//! Whoever waits goes away: the agent, or the gateway.

use std::process::Command;

use anyhow::{Result, ensure};
use gateway_e2e::wait;

use super::stage::{Stage, end};

const UPDATE: &str = "update orders set state = 'paid' where id = 1";

#[test]
fn an_agent_that_is_killed_withdraws_its_request() -> Result<()> {
    let stage = Stage::start("approvers = \"*\"")?;
    let mut psql = stage.psql(&[UPDATE])?;
    let id = stage.request()?;
    psql.kill()?;
    psql.wait()?;
    wait::until_true("the request is withdrawn", || Ok(stage.pending()?.is_empty()))?;
    let late = stage.in_vain(&["approvals", "approve", &id])?;
    ensure!(late.contains("withdrawn: the agent is gone"), "{late}");
    ensure!(stage.state_of(1)? == "open", "it ran");
    ensure!(stage.steps()?.contains(&"withdrawn"), "{:?}", stage.steps()?);
    Ok(())
}

#[test]
fn a_cancelled_statement_is_withdrawn_and_the_session_goes_on() -> Result<()> {
    let stage = Stage::start("approvers = \"*\"")?;
    let psql = stage.psql(&[UPDATE, "select 'still here'"])?;
    stage.request()?;
    // What Ctrl-C does.
    let interrupt = Command::new("kill").args(["-INT", &psql.id().to_string()]).status()?;
    ensure!(interrupt.success(), "cannot interrupt psql");
    let said = end(psql)?;
    ensure!(said.contains("57014") && said.contains("was withdrawn"), "{said}");
    ensure!(stage.pending()?.is_empty() && stage.state_of(1)? == "open", "it waits still, or ran");
    Ok(())
}

#[test]
fn a_gateway_that_is_killed_grants_nothing_twice_and_loses_nothing_in_silence() -> Result<()> {
    let mut stage = Stage::start("approvers = \"*\"\nrefuse_at_once = true")?;
    end(stage.psql(&[UPDATE])?)?;
    let id = stage.request()?;
    stage.gateway.kill_gateway()?;
    stage.gateway.start_gateway()?;
    ensure!(stage.request()? == id, "the request is lost");
    stage.postern(&["approvals", "approve", &id])?;
    stage.gateway.kill_gateway()?;
    stage.gateway.start_gateway()?;
    ensure!(end(stage.psql(&[UPDATE])?)?.contains("UPDATE 1"), "the yes is lost");
    stage.gateway.kill_gateway()?;
    stage.gateway.start_gateway()?;
    ensure!(end(stage.psql(&[UPDATE])?)?.contains("needs approval"), "the yes was good twice");
    Ok(())
}

#[test]
fn what_waited_on_the_wire_is_withdrawn_when_the_gateway_comes_back() -> Result<()> {
    let mut stage = Stage::start("approvers = \"*\"")?;
    let psql = stage.psql(&[UPDATE])?;
    let id = stage.request()?;
    stage.gateway.kill_gateway()?;
    end(psql)?;
    stage.gateway.start_gateway()?;
    ensure!(stage.pending()?.is_empty(), "it waits for nobody");
    let gone = stage.in_vain(&["approvals", "approve", &id])?;
    ensure!(gone.contains("the gateway was started again"), "{gone}");
    ensure!(stage.steps()?.last() == Some(&"not heard") && stage.state_of(1)? == "open", "it ran");
    Ok(())
}
