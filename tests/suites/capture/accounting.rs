//! Every connection leaves one opening and one ending, with the right bytes and the right author.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use anyhow::{Context, Result};
use gateway_audit::event::{Ended, Ending, Who};
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::Echo;
use gateway_e2e::{host, wait};
use sha2::{Digest, Sha256};

use super::one_agent_one_echo;

#[test]
fn a_connection_has_one_opening_and_one_ending_with_its_bytes() -> Result<()> {
    let (gateway, echo) = one_agent_one_echo()?;
    let agent = gateway.agent("coder")?;
    let text = "x".repeat(70_000);
    let said = agent.tester(&["talk", &echo.v4().to_string(), &text])?;
    assert_eq!(said.len(), format!("{} heard ", echo.v4()).len() + text.len());
    let ended = gateway.records().await_ended(|ended| ended.connection.original == echo.v4())?;
    assert_eq!((ended.sent_bytes, ended.received_bytes), (70_000, 70_000));
    assert_eq!(ended.ending, Ending::Finished);
    assert_eq!(ended.connection.target, "echo");
    let opened = gateway.records().opened()?;
    assert_eq!(opened, [ended.connection]);
    assert_eq!(gateway.records().ended()?.len(), 1);
    Ok(())
}

#[test]
fn each_side_may_end_its_half_first() -> Result<()> {
    // Hears everything before it says a word; an echo would not notice a half that closed both.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || -> std::io::Result<usize> {
        let (mut stream, _) = listener.accept()?;
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard)?;
        stream.write_all(b"after the end")?;
        Ok(heard.len())
    });
    let gateway =
        Plan::new().agent("coder", &["late"]).target("late", &["127.0.0.1"], &[address.port()]).start()?;
    let agent = gateway.agent("coder")?;
    let said = agent.tester(&["talk", &address.to_string(), "before the end"])?;
    assert_eq!(said, format!("{address} heard after the end"));
    assert_eq!(server.join().expect("the server lives")?, "before the end".len());
    let ended = gateway.records().await_ended(|_| true)?;
    assert_eq!((ended.sent_bytes, ended.received_bytes, ended.ending), (14, 13, Ending::Finished));
    Ok(())
}

#[test]
fn a_target_that_does_not_listen_ends_a_connection_that_is_recorded() -> Result<()> {
    let port = host::free_port()?;
    let gateway = Plan::new().agent("coder", &["dead"]).target("dead", &["127.0.0.1"], &[port]).start()?;
    let agent = gateway.agent("coder")?;
    assert_eq!(agent.tester(&["talk", &format!("127.0.0.1:{port}"), "hello"])?, "reset");
    let ended = gateway.records().await_ended(|_| true)?;
    assert!(matches!(ended.ending, Ending::ConnectFailed { .. }), "{ended:?}");
    assert_eq!((ended.sent_bytes, ended.received_bytes), (0, 0));
    Ok(())
}

/// Agents by their name, each with a server that no other agent may reach.
struct Crowd {
    gateway: Gateway,
    agents: HashMap<String, (Agent, Echo)>,
}

impl Crowd {
    fn gather() -> Result<Self> {
        let mut plan = Plan::new();
        let mut echoes = HashMap::new();
        for name in ["one", "two", "three", "four"] {
            let echo = Echo::start()?;
            plan = plan.agent(name, &[name]).target(name, &["127.0.0.1"], &[echo.port()]);
            echoes.insert(name.to_owned(), echo);
        }
        let gateway = plan.start()?;
        let with_agent = |(name, echo): (String, Echo)| {
            let agent = gateway.agent(&name)?.as_uid(uid_of(&name));
            Ok((name, (agent, echo)))
        };
        let agents = echoes.into_iter().map(with_agent).collect::<Result<_>>()?;
        Ok(Self { gateway, agents })
    }
}

/// Each agent has a user of its own, so that a mistaken identity shows.
fn uid_of(agent: &str) -> u32 {
    2000 + u32::try_from(agent.len()).unwrap_or_default() * 10 + u32::from(agent.starts_with('t'))
}

#[test]
fn two_hundred_connections_at_once_are_each_put_down_to_their_author() -> Result<()> {
    const EACH: usize = 50;
    let Crowd { gateway, agents } = Crowd::gather()?;
    let mut pids = HashMap::new();
    thread::scope(|scope| -> Result<()> {
        let talks: Vec<_> = agents
            .iter()
            .map(|(name, (agent, echo))| {
                let address = echo.v4().to_string();
                (name, scope.spawn(move || agent.tester(&["crowd", &address, &EACH.to_string()])))
            })
            .collect();
        for (name, talk) in talks {
            let said = talk.join().expect("no panic")?;
            let (pid, outcomes) = said.split_once(' ').context("no pid")?;
            assert_eq!(outcomes, format!("ok={EACH}"), "{name}");
            pids.insert(name.clone(), pid.parse::<u32>()?);
        }
        Ok(())
    })?;
    let records = gateway.records();
    let all = EACH * agents.len();
    wait::until_true("all have ended", || Ok(records.ended()?.len() == all))?;
    let tester = host::tester()?;
    let sha256 = sha256(&fs::read(&tester)?);
    for Ended { connection, .. } in records.ended()? {
        let Who { agent, cgroup_id, cgroup_path, uid, gid, tgid, comm, exe, .. } = &connection.who;
        let (theirs, echo) = agents.get(agent).context("an agent that is not there")?;
        let server: SocketAddr = (IpAddr::V4(Ipv4Addr::LOCALHOST), echo.port()).into();
        assert_eq!((connection.original, &connection.target), (server, agent));
        assert_eq!((*uid, *gid, comm.as_str()), (uid_of(agent), uid_of(agent), "tester"));
        assert_eq!(Some(tgid), pids.get(agent));
        assert_eq!(*cgroup_id, theirs.cgroup.id()?);
        assert!(theirs.cgroup.path().ends_with(cgroup_path.trim_start_matches('/')), "{cgroup_path}");
        // A program that has ended before it was asked after is not guessed at.
        if let Some(exe) = exe {
            assert_eq!(exe.path.as_str(), tester.to_str().context("text")?);
            // Nor is a content that nobody had the time to read.
            assert_eq!(exe.sha256.as_ref().unwrap_or(&sha256), &sha256);
        }
    }
    assert_eq!(records.opened()?.len(), all);
    assert!(
        records.ended()?.iter().any(|ended| ended
            .connection
            .who
            .exe
            .as_ref()
            .is_some_and(|exe| exe.sha256.is_some()))
    );
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
