//! The chapter in which a statement waits for a person's yes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Cast;
use super::agent::Who;
use super::screen::Screen;
use super::story::psql;
use super::world;
use crate::stage::wait_for;

const INSERT: &str = "insert into orders values (4, 'map', 3.10) returning 'stored'";

pub(super) fn tell(screen: &mut Screen, cast: &Cast) -> Result<()> {
    screen.heading("Asked", "a rule holds the statement until a person has said yes");
    let before = world::orders()?;
    let waiting = cast.places.start_as_agent(Who::Nobody, &psql(INSERT))?;
    let request = wait_for("the request", Duration::from_secs(5), || pending(cast).ok())?;
    let meanwhile = world::orders()?;
    let seen = format!("waits as request {request}: {meanwhile}");
    screen.expect(meanwhile == before, "psql: insert into orders …", &seen);
    let approved = postern(cast, &["approve", &request])?;
    let terminal = format!("a second terminal: postern approvals approve {}…", part(&request));
    screen.expect(approved.contains("approved"), &terminal, approved.trim());
    let insert = waiting.finish()?;
    let after = world::orders()?;
    let ran = insert.succeeded && insert.printed() == "stored" && after.ends_with("map 3.10");
    screen.expect(ran, "psql: the same statement, on the same connection", &after);
    let command = cast.records.find("the record of the insert", |record| {
        record.is("command", "verdict", "allowed") && record.word("text") == INSERT
    })?;
    let steps = steps(cast, &request);
    let seen = format!("{}, and then the statement: {}", steps.join(", "), command.word("verdict"));
    screen.expect(steps == ["asked", "approved", "used"], "the records, of both", &seen);
    Ok(())
}

/// What became of a request, by the records.
fn steps(cast: &Cast, request: &str) -> Vec<String> {
    let records = cast.records.all();
    let of_request = records.iter().filter(|record| record.is("approval", "request", request));
    of_request.map(|record| record.word("step")).collect()
}

fn pending(cast: &Cast) -> Result<String> {
    let listed: Value = serde_json::from_str(&postern(cast, &["list", "--json"])?)?;
    let id = listed.pointer("/requests/0/id").and_then(Value::as_str);
    id.map(str::to_owned).context("nothing waits")
}

fn postern(cast: &Cast, words: &[&str]) -> Result<String> {
    let output = cast.postern.command("approvals").args(words).output().context("cannot run postern")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "postern approvals {}: {complaint}", words.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn part(request: &str) -> String {
    request.chars().take(6).collect()
}
