//! A thousand connections a second: each is put down to its author, and nothing is left over.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::{Context, Result};
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::Echo;
use gateway_e2e::{host, wait};

const AGENTS: [&str; 4] = ["a", "b", "c", "d"];

/// Emulation does not reach the rate; there the count is what matters.
fn seconds() -> usize {
    if host::in_guest() { 1 } else { 10 }
}

#[test]
fn a_thousand_connections_a_second_leave_no_wrong_author_and_no_entry_in_the_kernel() -> Result<()> {
    let each = 1000 / AGENTS.len() * seconds();
    let echoes = AGENTS.iter().map(|_| Echo::start()).collect::<Result<Vec<_>>>()?;
    let plan = AGENTS.iter().zip(&echoes).fold(Plan::new(), |plan, (name, echo)| {
        plan.agent(name, &[name]).target(name, &["127.0.0.1"], &[echo.port()])
    });
    let gateway = plan.start()?;
    let agents = AGENTS.iter().map(|name| gateway.agent(name)).collect::<Result<Vec<_>>>()?;
    let before = gateway.map_entries()?;
    let authors = crowds(&agents, &echoes, each)?;
    let records = gateway.records();
    wait::until_true("all have ended", || Ok(records.ended()?.len() == each * AGENTS.len()))?;
    for ended in records.ended()? {
        let who = &ended.connection.who;
        assert_eq!(ended.connection.target, who.agent);
        assert_eq!(authors.get(&who.agent), Some(&who.tgid));
    }
    nothing_is_left(&gateway, &before)
}

/// Agents with the process that each ran.
fn crowds(agents: &[Agent], echoes: &[Echo], each: usize) -> Result<HashMap<String, u32>> {
    let every = Duration::from_secs(1) / 1000 * u32::try_from(AGENTS.len())?;
    let every = every.as_micros().to_string();
    std::thread::scope(|scope| {
        let crowds: Vec<_> = agents
            .iter()
            .zip(echoes)
            .map(|(agent, echo)| {
                let (address, every) = (echo.v4().to_string(), &every);
                scope.spawn(move || agent.tester(&["crowd", &address, &each.to_string(), "--every", every]))
            })
            .collect();
        let mut authors = HashMap::new();
        for (name, crowd) in AGENTS.iter().zip(crowds) {
            let said = crowd.join().map_err(|_| anyhow::anyhow!("a crowd panicked"))??;
            let (pid, outcomes) = said.split_once(' ').context("no pid")?;
            assert_eq!(outcomes, format!("ok={each}"));
            authors.insert((*name).to_owned(), pid.parse()?);
        }
        Ok(authors)
    })
}

/// Entries of connections go with them. Some of those before were the canary's, which may be gone by now.
fn nothing_is_left(gateway: &Gateway, before: &BTreeMap<String, usize>) -> Result<()> {
    let no_more_than_before = || {
        let now = gateway.map_entries()?;
        Ok(now.iter().all(|(map, count)| before.get(map).is_some_and(|before| count <= before)))
    };
    wait::until_true("no entry is left", no_more_than_before)
        .with_context(|| format!("before {before:?}, now {:?}", gateway.map_entries()))
}
