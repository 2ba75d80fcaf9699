//! Yes, no, nothing, and answers that have no effect.

use std::time::Duration;

use anyhow::{Result, ensure};
use gateway_e2e::{host, wait};

use super::stage::{Stage, end};

const ANYBODY: &str = "approvers = \"*\"";
const UPDATE: &str = "update orders set state = 'paid' where id = 1";
const WITH_PARAMETER: &str = "import psycopg, sys; c = psycopg.connect('', autocommit=True); \
    r = c.execute(\"update orders set state = 'paid' where id = %s::int\", (sys.argv[1],)); print(r.rowcount, 'changed')";

#[test]
fn a_statement_waits_until_a_second_terminal_says_yes_and_runs() -> Result<()> {
    let stage = Stage::start(ANYBODY)?;
    let psql = stage.psql(&[UPDATE, "select 'still here'"])?;
    let id = stage.request()?;
    ensure!(stage.state_of(1)? == "open", "it ran before anybody answered");
    let shown = stage.postern(&["approvals", "show", &id])?;
    for part in ["coder", "orders", UPDATE, "update on \"public.orders\"", "some rows"] {
        ensure!(shown.contains(part), "{part:?} is missing:\n{shown}");
    }
    stage.postern(&["approvals", "approve", &id])?;
    let said = end(psql)?;
    ensure!(said.contains("UPDATE 1") && said.contains("still here"), "{said}");
    ensure!(
        said.contains(&format!(
            "NOTICE:  00000: update on \"public.orders\" waits for approval: request {id}"
        )),
        "{said}"
    );
    ensure!(stage.state_of(1)? == "paid", "it did not run");
    ensure!(stage.steps()? == ["asked", "approved", "used"], "{:?}", stage.steps()?);
    let again = stage.in_vain(&["approvals", "approve", &id])?;
    ensure!(again.contains("it was approved, and has run"), "{again}");
    ensure!(stage.steps()?.last() == Some(&"not heard"), "{:?}", stage.steps()?);
    Ok(())
}

#[test]
fn a_no_is_a_refusal_with_its_reason_and_the_session_goes_on() -> Result<()> {
    let stage = Stage::start(ANYBODY)?;
    let psql = stage.psql(&["drop table orders", "select 'still here'"])?;
    let id = stage.request()?;
    stage.postern(&["approvals", "deny", &id, "--reason", "not on a Friday"])?;
    let said = end(psql)?;
    ensure!(said.contains("42501") && said.contains("was not approved: not on a Friday"), "{said}");
    ensure!(said.contains(&id) && said.contains("still here"), "{said}");
    ensure!(stage.state_of(1)? == "open", "the table is gone");
    ensure!(stage.steps()? == ["asked", "refused"], "{:?}", stage.steps()?);
    Ok(())
}

#[test]
fn no_answer_in_time_is_a_no() -> Result<()> {
    let stage = Stage::start("approvers = \"*\"\nwait = \"2s\"")?;
    let psql = stage.psql(&[UPDATE, "select 'still here'"])?;
    let id = stage.request()?;
    let said = end(psql)?;
    ensure!(said.contains("was not approved in time") && said.contains("still here"), "{said}");
    let late = stage.in_vain(&["approvals", "approve", &id])?;
    ensure!(late.contains("not answered in time"), "{late}");
    ensure!(stage.state_of(1)? == "open", "it ran");
    Ok(())
}

#[test]
fn who_is_no_approver_of_the_rule_is_not_heard_and_neither_is_one_for_two() -> Result<()> {
    let stage = Stage::start("approvers = \"person:somebody else\"")?;
    let psql = stage.psql(&[UPDATE])?;
    let id = stage.request()?;
    let refused = stage.in_vain(&["approvals", "approve", &id])?;
    ensure!(refused.contains("no rule that asked lets you answer"), "{refused}");
    // Other rules hold from now on: two people, of whom the caller is one.
    let file = stage.gateway.config_dir().join("agents.toml");
    let text = std::fs::read_to_string(&file)?;
    let more = text.replace("approvers = \"person:somebody else\"", "approvers = \"*\"\nquorum = 2");
    std::fs::write(&file, more)?;
    stage.postern(&["reload"])?;
    wait::until_true("the first yes is heard", || {
        Ok(stage.gateway.postern(&["approvals", "approve", &id])?.status.success())
    })?;
    let twice = stage.in_vain(&["approvals", "approve", &id])?;
    ensure!(twice.contains("you have said yes already"), "{twice}");
    ensure!(stage.state_of(1)? == "open", "one person was enough");
    stage.postern(&["approvals", "deny", &id])?;
    ensure!(end(psql)?.contains("was not approved"), "it went on");
    Ok(())
}

#[test]
fn an_agent_that_is_refused_at_once_comes_again_and_the_yes_is_used_once() -> Result<()> {
    let stage = Stage::start("approvers = \"*\"\nrefuse_at_once = true")?;
    let first = end(stage.psql(&[UPDATE])?)?;
    let id = stage.request()?;
    ensure!(first.contains("needs approval, which was asked for") && first.contains(&id), "{first}");
    ensure!(end(stage.psql(&[UPDATE])?)?.contains(&id), "the same statement was another request");
    stage.postern(&["approvals", "approve", &id])?;
    let other = end(stage.psql(&["update orders set state = 'paid' where id = 2"])?)?;
    ensure!(other.contains("needs approval"), "the yes was good for another statement: {other}");
    ensure!(end(stage.psql(&[UPDATE])?)?.contains("UPDATE 1"), "the yes was not remembered");
    ensure!(end(stage.psql(&[UPDATE])?)?.contains("needs approval"), "the yes was used twice");
    Ok(())
}

#[test]
fn a_yes_is_bound_to_the_parameters() -> Result<()> {
    let stage = Stage::start("approvers = \"*\"\nrefuse_at_once = true")?;
    let python = host::peers()?.join("python/bin/python3").display().to_string();
    let run = |id: &str| end(stage.program(&python, &["-c", WITH_PARAMETER, id])?);
    ensure!(run("1")?.contains("needs approval"), "it ran");
    let id = stage.request()?;
    let shown = stage.postern(&["approvals", "show", &id])?;
    ensure!(shown.contains("$1 = '1'"), "{shown}");
    stage.postern(&["approvals", "approve", &id])?;
    ensure!(run("2")?.contains("needs approval"), "other parameters ran");
    ensure!(run("1")?.contains("1 changed"), "the approved ones did not");
    ensure!(stage.state_of(2)? == "open" && stage.state_of(1)? == "paid", "the wrong row");
    Ok(())
}

#[test]
fn a_transaction_that_waits_shows_what_it_did_before() -> Result<()> {
    let stage = Stage::start(ANYBODY)?;
    let psql = stage.psql(&["begin", "select count(*) from orders", UPDATE, "commit"])?;
    let id = stage.request()?;
    let shown = stage.postern(&["approvals", "show", &id])?;
    ensure!(shown.contains("In this transaction before:\n  select count(*) from orders"), "{shown}");
    std::thread::sleep(Duration::from_millis(300));
    stage.postern(&["approvals", "approve", &id])?;
    ensure!(end(psql)?.contains("COMMIT"), "it did not commit");
    ensure!(stage.state_of(1)? == "paid", "it did not run");
    Ok(())
}
