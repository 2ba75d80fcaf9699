//! What was shown ends, and so does what it opened.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gateway_audit::event::{Ending, IdentityProblem};
use gateway_e2e::wait;

use crate::stage::Stage;

#[test]
fn who_loses_the_group_at_the_provider_loses_access_in_an_open_session() -> Result<()> {
    const COUNT: &str = "select count(*) from orders";
    let mut stage = Stage::start("identity = \"client-credentials\"")?;
    let mut psql = stage.psql()?;
    psql.args(["-c", COUNT, "-c", "select pg_sleep(8)", "-c", COUNT]);
    let psql = psql.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    sleep(Duration::from_secs(2));
    // `recheck` is two seconds.
    stage.provider.tell(r#"{"groups": []}"#)?;
    let output = psql.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    ensure!(
        said.trim() == "2" && complaint.contains("nothing is allowed"),
        "{said:?} {complaint:?}\n{}",
        stage.said()
    );
    let seen = stage.ask(|_| ())?;
    ensure!(seen.is_err(), "a new session is let in: {seen:?}");
    Ok(())
}

#[test]
fn a_session_ends_when_its_token_does_and_goes_on_when_there_is_a_new_one() -> Result<()> {
    let mut stage = Stage::start("identity = \"token-file:@FILE\"")?;
    stage.provider.tell(r#"{"lasts": 6}"#)?;
    stage.place(&stage.provider.own("coder")?)?;
    let since = Instant::now();
    let seen = stage.ask(|psql| {
        psql.args(["-c", "select pg_sleep(60)"]);
    })?;
    ensure!(seen.is_err() && since.elapsed() < Duration::from_secs(20), "{seen:?}");
    let ended = wait::until("the ending is recorded", || {
        let endings = stage.gateway.records().ended()?;
        Ok(endings.into_iter().find(|ended| ended.ending == Ending::IdentityEnded))
    })?;
    ensure!(ended.connection.person.is_some_and(|person| person.subject == "coder"));
    ensure!(stage.problems()?.contains(&IdentityProblem::Expired), "{:?}", stage.problems()?);
    stage.place(&stage.provider.own("coder")?)?;
    let mut psql = stage.psql()?.args(["-c", "select pg_sleep(12)"]).spawn()?;
    sleep(Duration::from_secs(3));
    stage.provider.tell(r#"{"lasts": 300}"#)?;
    stage.place(&stage.provider.own("coder")?)?;
    ensure!(psql.wait()?.success(), "{}", stage.said());
    Ok(())
}

#[test]
fn with_the_provider_away_known_keys_serve_on_and_nobody_new_is_recognised() -> Result<()> {
    let mut stage = Stage::start("identity = \"token-file:@FILE\"")?;
    stage.place(&stage.provider.own("coder")?)?;
    stage.is_let_in()?;
    stage.provider.end()?;
    stage.is_let_in()?;
    stage.gateway.kill_gateway()?;
    stage.gateway.start_gateway()?;
    stage.is_told("the identity provider does not answer", "", IdentityProblem::ProviderAway)
}
