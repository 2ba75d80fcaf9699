//! Who answers for an agent that acts for a person: somebody else.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use gateway_e2e::wait;
use serde_json::Value;

use crate::showing::EXCHANGE;
use crate::stage::Stage;

#[test]
fn the_person_an_agent_acts_for_is_not_heard_about_what_it_asks() -> Result<()> {
    let stage = Stage::start("identity = \"token-file:@FILE\"")?;
    stage.place(&stage.provider.token("coder", EXCHANGE)?)?;
    let mut psql = stage.psql()?;
    psql.args(["-c", "delete from orders where id = 1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = psql.spawn()?;
    let id = wait::until("a request", || pending(&stage))?;
    let own = answer(&stage, &id)?;
    ensure!(own.contains("no rule that asked lets you answer"), "{own}\n{}", stage.said());
    ensure!(pending(&stage)? == Some(id.clone()), "the person's own word had an effect");
    stage.root_is("bob")?;
    let others = answer(&stage, &id)?;
    ensure!(!others.contains("error"), "{others}\n{}", stage.said());
    let output = waiting.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen = stage.ask(|_| ())?;
    ensure!(seen.as_deref() == Ok("1"), "{seen:?}");
    Ok(())
}

fn pending(stage: &Stage) -> Result<Option<String>> {
    let output = stage.gateway.postern(&["approvals", "list", "--json"])?;
    let listed: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let id = listed.pointer("/requests/0/id").and_then(Value::as_str);
    Ok(id.map(str::to_owned))
}

fn answer(stage: &Stage, id: &str) -> Result<String> {
    let output = stage.gateway.postern(&["approvals", "approve", id])?;
    let said = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&said).into_owned())
}
