//! kill -9 under load, again and again: what the server ran is in the records, and the records are whole.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::servers::postgres::Postgres;

use super::talk::Talk;
use super::{NOTES, executed, is_whole, plan, recorded, server, stop};

/// How many agents speak at once.
const AGENTS: u64 = 4;
/// Without a wish of the caller's, as many rounds as fit in.
const TIME: Duration = Duration::from_secs(25);

/// `POSTERN_TORTURE_ROUNDS` asks for so many rounds, however long they take.
fn rounds() -> Option<u64> {
    std::env::var("POSTERN_TORTURE_ROUNDS").ok()?.parse().ok()
}

#[test]
fn every_statement_that_ran_is_recorded_however_often_the_gateway_is_killed() -> Result<()> {
    let server = server()?;
    server.sql(NOTES)?;
    let mut gateway = plan(&server).start()?;
    let agents: Vec<Agent> = (0..AGENTS).map(|_| gateway.agent("coder")).collect::<Result<_>>()?;
    let began = Instant::now();
    let answered = AtomicU64::new(0);
    let mut round = 0;
    while rounds().map_or(began.elapsed() < TIME, |rounds| round < rounds) {
        if round > 0 {
            gateway.start_gateway()?;
        }
        kill_under_load(&mut gateway, &server, &agents, round, &answered)?;
        round += 1;
    }
    gateway.start_gateway()?;
    stop(&mut gateway)?;
    let (ran, told) = (executed(&server), recorded(&gateway)?);
    let missing: Vec<_> = ran.difference(&told).collect();
    println!("{round} rounds: {} statements ran, {} are recorded", ran.len(), told.len());
    ensure!(missing.is_empty(), "{} of {} are not recorded: {missing:?}", missing.len(), ran.len());
    ensure!(ran.len() as u64 >= answered.load(Relaxed), "the server's log is not complete");
    ensure!(ran.len() as u64 > round * AGENTS, "next to nothing ran");
    is_whole(&gateway)
}

fn kill_under_load(
    gateway: &mut Gateway,
    server: &Postgres,
    agents: &[Agent],
    round: u64,
    answered: &AtomicU64,
) -> Result<()> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for (number, agent) in agents.iter().enumerate() {
            let (over, mark) = (&over, format!("{round}-{number}"));
            scope.spawn(move || speak(agent, server, &mark, over, answered));
        }
        // Not the same moment each time.
        thread::sleep(Duration::from_millis(250 + round * 37 % 200));
        let killed = gateway.kill_gateway();
        over.store(true, Relaxed);
        killed
    })
}

/// Statements one after the other, until there is no answer any more.
fn speak(agent: &Agent, server: &Postgres, mark: &str, over: &AtomicBool, answered: &AtomicU64) {
    let Ok(mut talk) = Talk::begin(agent, server) else { return };
    for number in 0_u64.. {
        let mark = format!("{mark}-{number}");
        let statement = if number % 3 == 0 {
            format!("insert /* {mark} */ into notes values ('x')")
        } else {
            format!("select /* {mark} */ count(*) from notes where note = 'y'")
        };
        match talk.ask(&statement) {
            Ok(said) if !said.contains("connection") && !said.contains("rror") => {
                answered.fetch_add(1, Relaxed)
            }
            _ => return,
        };
        if over.load(Relaxed) {
            return;
        }
    }
}
