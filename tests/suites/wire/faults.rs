//! What goes wrong between two who mean well.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use gateway_e2e::daemon::Daemon;
use gateway_e2e::pipe::{Pipe, outline};
use gateway_e2e::servers::postgres::Postgres;
use gateway_e2e::wait;
use gateway_e2e::wire::message;

use crate::Test;
use crate::scene::{Scene, WHO, address};

pub(crate) const TESTS: &[Test] = &[
    ("faults::an_agent_that_stops_reading_holds_up_nobody_else_and_loses_nothing", stops_reading),
    ("faults::an_agent_that_vanishes_leaves_no_session_behind", vanishes),
    ("faults::a_query_that_nobody_waits_for_any_more_is_cancelled", cancelled),
    ("faults::a_session_that_an_administrator_ends_hears_it_from_the_server", terminated),
    ("faults::a_server_that_dies_in_the_middle_of_rows_ends_the_connection", dies),
    ("faults::a_server_that_is_away_is_told_of_in_words", away),
];

/// About a hundred megabytes, more than fits into all buffers on the way.
const FLOOD: &str = "select repeat('x', 1000) from generate_series(1, 100000)";

fn flood(pipe: &mut Pipe) -> Result<()> {
    pipe.send(&message(b'Q', &[FLOOD.as_bytes(), b"\0"]))
}

fn stops_reading(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    let before = memory(scene)?;
    flood(&mut session)?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(500) {
        scene.bystander_is_unharmed()?;
    }
    let grown = memory(scene)?.saturating_sub(before);
    ensure!(grown < 8 * 1024, "the gateway holds {grown} KiB more");
    let heard = session.until_ready()?;
    let rows = heard.iter().filter(|message| message.kind == b'D').count();
    ensure!(rows == 100_000, "{rows} rows came");
    Ok(())
}

fn vanishes(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    session.ask("set application_name = 'vanishing'")?;
    flood(&mut session)?;
    session.message()?;
    drop(session);
    gone(&scene.server, "vanishing")
}

/// With nothing to say while it sleeps, the server would notice only when it wakes up.
fn cancelled(scene: &Scene) -> Result<()> {
    let sleeping =
        "select count(*) from pg_stat_activity where application_name = 'sleeping' and state = 'active'";
    for leaves in [|session: Pipe| drop(session), |mut session: Pipe| session.finish()] {
        let mut session = scene.session()?;
        session.ask("set application_name = 'sleeping'")?;
        session.send(&message(b'Q', &[b"select pg_sleep(600)\0"]))?;
        wait::until_true("the query runs", || Ok(scene.server.sql(sleeping)? == "1"))?;
        leaves(session);
        gone(&scene.server, "sleeping")?;
    }
    ensure!(scene.server.log().contains("canceling statement due to user request"), "nobody cancelled it");
    Ok(())
}

fn gone(server: &Postgres, name: &str) -> Result<()> {
    let asked = format!("select count(*) from pg_stat_activity where application_name = '{name}'");
    wait::until_true("its session at the server ends", || Ok(server.sql(&asked)? == "0"))
}

fn terminated(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    session.ask("set application_name = 'doomed'")?;
    scene
        .server
        .sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'doomed'")?;
    let heard = session.until_ready()?;
    ensure!(outline(&heard) == "E:57P01", "{}", outline(&heard));
    Ok(())
}

fn dies(scene: &Scene) -> Result<()> {
    let frail = scene.frail.lock().map_err(|_| anyhow!("a test died"))?;
    let before = scene.endings()?;
    let mut session = Pipe::log_in(&scene.agent.place, address(&frail), &WHO)?;
    session.ask("set application_name = 'dying'")?;
    let asked = "select pid from pg_stat_activity where application_name = 'dying'";
    let pid = frail.sql(asked)?.parse()?;
    flood(&mut session)?;
    session.message()?;
    frail.kill_backend(pid)?;
    let heard = session.until_ready()?;
    let (rows, rest): (Vec<_>, Vec<_>) = heard.into_iter().partition(|message| message.kind == b'D');
    ensure!(rows.len() < 100_000, "all rows came");
    ensure!(rest.iter().all(|message| message.kind == b'E'), "{}", outline(&rest));
    scene.ending_after(before, |_| true)?;
    wait::until_true("the server recovers", || Ok(frail.sql("select 1").is_ok()))
}

fn away(scene: &Scene) -> Result<()> {
    let mut frail = scene.frail.lock().map_err(|_| anyhow!("a test died"))?;
    let mut idle = Pipe::log_in(&scene.agent.place, address(&frail), &WHO)?;
    frail.stop()?;
    let told = idle.until_ready()?;
    ensure!(told.last().is_some_and(|last| last.field(b'S') == "FATAL"), "{}", outline(&told));
    let mut late = Pipe::open(&scene.agent.place, address(&frail))?;
    late.send(&gateway_e2e::pipe::startup(0x0003_0000, &WHO))?;
    let heard = late.until_ready()?;
    ensure!(outline(&heard) == "E:08006", "{}", outline(&heard));
    frail.start_again()?;
    Pipe::log_in(&scene.agent.place, address(&frail), &WHO).map(drop)
}

/// What the gateway has in memory, in KiB.
fn memory(scene: &Scene) -> Result<u64> {
    let pid = scene.gateway.gateway.as_ref().map(Daemon::pid).context("no gateway runs")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()).context("a process without memory")?;
    Ok(number.parse()?)
}
