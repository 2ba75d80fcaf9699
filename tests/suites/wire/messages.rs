//! Messages that are not passed on.

use anyhow::{Result, ensure};
use gateway_audit::event::Ending;
use gateway_e2e::pipe::outline;
use gateway_e2e::wire::message;

use crate::Test;
use crate::scene::{MAX_MESSAGE, Scene};

pub(crate) const TESTS: &[Test] = &[
    ("messages::functions_are_not_called_by_message_and_the_session_goes_on", function_call),
    ("messages::one_of_an_unknown_kind_ends_the_connection", unknown_kind),
    ("messages::an_impossible_length_ends_the_connection", impossible_length),
    ("messages::one_that_is_too_long_never_reaches_the_server", too_long),
    ("messages::long_values_of_the_server_are_no_long_messages_of_the_agent", long_rows),
];

fn function_call(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    // pg_backend_pid(), without arguments, as text.
    let body = [&2026_u32.to_be_bytes()[..], &[0, 0, 0, 0, 0, 0]].concat();
    session.send(&message(b'F', &[&body]))?;
    let heard = outline(&session.until_ready()?);
    ensure!(heard == "E:42501 Z:I", "{heard}");
    ensure!(outline(&session.ask("select 1")?) == "T D C:SELECT 1 Z:I", "the session is of no use any more");
    Ok(())
}

/// What ends the connection is said, stands in the record, and has not reached the server.
fn broken(scene: &Scene, bytes: &[u8]) -> Result<()> {
    let before = scene.endings()?;
    let mut session = scene.session()?;
    session.send(bytes)?;
    let heard = session.until_ready()?;
    ensure!(outline(&heard) == "E:08P01", "{}", outline(&heard));
    ensure!(heard.iter().all(|message| message.field(b'S') == "FATAL"));
    scene.ending_after(before, |ending| matches!(ending, Ending::BrokenByAgent { .. })).map(drop)
}

fn unknown_kind(scene: &Scene) -> Result<()> {
    broken(scene, &message(b'y', &[b"what is this?"]))
}

fn impossible_length(scene: &Scene) -> Result<()> {
    broken(scene, &[b'Q', 0, 0, 0, 3])?;
    broken(scene, &[b'Q', 0xff, 0xff, 0xff, 0xff])
}

fn too_long(scene: &Scene) -> Result<()> {
    let text = format!("select 'far too long {}'\0", "x".repeat(MAX_MESSAGE));
    let mut session = scene.session()?;
    session.send(&message(b'Q', &[text.as_bytes()]))?;
    let heard = session.until_ready()?;
    let refused = heard.first().is_some_and(|first| first.field(b'C') == "54000");
    ensure!(refused, "{}", outline(&heard));
    let parse = message(b'P', &[b"\0", text.as_bytes(), &[0, 0]]);
    let mut session = scene.session()?;
    session.send(&[parse, message(b'S', &[])].concat())?;
    let heard = session.until_ready()?;
    ensure!(heard.first().is_some_and(|first| first.field(b'C') == "54000"), "{}", outline(&heard));
    ensure!(!scene.server.log().contains("far too long"), "it reached the server");
    Ok(())
}

fn long_rows(scene: &Scene) -> Result<()> {
    let heard = scene.session()?.ask("select repeat('x', 5000000)")?;
    ensure!(outline(&heard) == "T D C:SELECT 1 Z:I", "{}", outline(&heard));
    ensure!(heard.iter().any(|message| message.body.len() > 5_000_000));
    Ok(())
}
