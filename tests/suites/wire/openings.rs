//! How a connection begins, and how it must not.

use anyhow::{Result, ensure};
use gateway_audit::event::Ending;
use gateway_e2e::pipe::{Pipe, outline, startup};

use crate::Test;
use crate::scene::{Scene, WHO};

pub(crate) const TESTS: &[Test] = &[
    ("openings::what_is_no_first_message_is_refused_in_words", no_first_message),
    ("openings::whoever_says_nothing_is_told_so_and_cut_off", silence),
    ("openings::what_follows_a_request_for_encryption_and_is_no_tls_ends_it", garbage_for_tls),
    ("openings::what_comes_with_a_request_for_encryption_is_not_taken_for_encrypted", injection),
    ("openings::gss_encryption_is_declined_and_the_login_goes_on", gss),
    ("openings::newer_protocols_are_settled", newer),
    ("openings::replication_is_refused", replication),
    ("openings::a_request_to_cancel_with_a_guessed_key_cancels_nothing", guessed_cancel),
];

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];

/// The agent hears this code, if any, and then nothing more; the record says why.
fn refused(scene: &Scene, bytes: &[u8], code: &str, why: &str) -> Result<()> {
    let before = scene.endings()?;
    let mut pipe = scene.pipe()?;
    pipe.send(bytes)?;
    let heard = outline(&pipe.until_ready()?);
    ensure!(heard == code, "{bytes:?} is answered with {heard}");
    failed(scene, before, why)
}

fn failed(scene: &Scene, before: usize, why: &str) -> Result<()> {
    let ended = scene.ending_after(before, |ending| matches!(ending, Ending::LoginFailed { .. }))?;
    let Ending::LoginFailed { why: said } = &ended.ending else { return Ok(()) };
    ensure!(said.contains(why), "the record says: {said}");
    ensure!(ended.sent_bytes == 0, "{} bytes went to the target", ended.sent_bytes);
    Ok(())
}

fn no_first_message(scene: &Scene) -> Result<()> {
    let unreadable = "first message cannot be read";
    refused(scene, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "E:08P01", unreadable)?;
    refused(scene, &[0, 0, 0, 3, 0, 3, 0, 0], "E:08P01", unreadable)?;
    refused(scene, &[0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0], "E:08P01", unreadable)?;
    // A name without a value, and no end.
    refused(scene, &[0, 0, 0, 13, 0, 3, 0, 0, b'u', b's', b'e', b'r', 0], "E:08P01", unreadable)?;
    refused(scene, &startup(0x0003_0000, &[("database", "agent")]), "E:08P01", unreadable)?;
    refused(scene, &startup(0x0002_0000, &WHO), "E:0A000", unreadable)
}

fn silence(scene: &Scene) -> Result<()> {
    for beginning in [&b""[..], &[0, 0, 0, 60, 0, 3, 0, 0, b'u', b's']] {
        let before = scene.endings()?;
        let mut pipe = scene.pipe()?;
        pipe.send(beginning)?;
        let heard = pipe.until_ready()?;
        ensure!(heard.iter().all(|message| message.field(b'S') == "FATAL"), "{}", outline(&heard));
        failed(scene, before, "had not logged in after 2s")?;
    }
    Ok(())
}

fn garbage_for_tls(scene: &Scene) -> Result<()> {
    let before = scene.endings()?;
    let mut pipe = scene.pipe()?;
    pipe.send(&SSL_REQUEST)?;
    ensure!(pipe.bytes(1)? == b"S");
    pipe.send(&[0x55; 512])?;
    // A TLS alert, or nothing, but no word of PostgreSQL's.
    let rest = pipe.bytes(64)?;
    ensure!(rest.len() < 64 && !rest.contains(&b'R'), "{rest:?}");
    failed(scene, before, "no TLS could be agreed on")
}

fn injection(scene: &Scene) -> Result<()> {
    let before = scene.endings()?;
    let mut pipe = scene.pipe()?;
    pipe.send(&[&SSL_REQUEST[..], &startup(0x0003_0000, &WHO)].concat())?;
    let heard = pipe.bytes(4096)?;
    ensure!(!heard.starts_with(b"R"), "it was let in: {heard:?}");
    failed(scene, before, "more behind the agent's request for encryption")
}

fn gss(scene: &Scene) -> Result<()> {
    let mut pipe = scene.pipe()?;
    pipe.send(&GSS_REQUEST)?;
    ensure!(pipe.bytes(1)? == b"N");
    pipe.send(&startup(0x0003_0000, &WHO))?;
    let heard = pipe.until_ready()?;
    ensure!(heard.last().is_some_and(|last| last.kind == b'Z'), "{}", outline(&heard));
    ensure!(outline(&pipe.ask("select 1")?) == "T D C:SELECT 1 Z:I");
    Ok(())
}

/// The key to cancel with has four bytes in 3.0 and more in 3.2; what is newer still is brought down to that.
fn newer(scene: &Scene) -> Result<()> {
    for (version, settles, key) in
        [(0x0003_0000, false, 4), (0x0003_0002, false, 32), (0x0003_0009, true, 32)]
    {
        let mut pipe = scene.pipe()?;
        let mut parameters = WHO.to_vec();
        if settles {
            parameters.push(("_pq_.something", "new"));
        }
        pipe.send(&startup(version, &parameters))?;
        let heard = pipe.until_ready()?;
        ensure!(heard.iter().any(|message| message.kind == b'v') == settles, "{}", outline(&heard));
        let given = heard.iter().find(|message| message.kind == b'K').map(|message| message.body.len());
        ensure!(given == Some(4 + key), "protocol {version:x}: a key of {given:?}");
        ensure!(outline(&pipe.ask("select 1")?) == "T D C:SELECT 1 Z:I");
    }
    Ok(())
}

fn replication(scene: &Scene) -> Result<()> {
    for value in ["true", "database"] {
        let mut pipe = scene.pipe()?;
        pipe.send(&startup(0x0003_0000, &[&WHO[..], &[("replication", value)]].concat()))?;
        let heard = outline(&pipe.until_ready()?);
        ensure!(heard == "E:42501", "{heard}");
    }
    Ok(())
}

fn guessed_cancel(scene: &Scene) -> Result<()> {
    let before = scene.endings()?;
    let pid: i32 =
        scene.server.sql("select pid from pg_stat_activity where usename = 'agent' limit 1")?.parse()?;
    let mut request = vec![0, 0, 0, 16, 4, 210, 22, 46];
    request.extend(pid.to_be_bytes());
    request.extend([0; 4]);
    let mut pipe: Pipe = scene.pipe()?;
    pipe.send(&request)?;
    ensure!(pipe.is_closed()?, "it is answered");
    scene.ending_after(before, |ending| matches!(ending, Ending::NothingToCancel)).map(drop)
}
