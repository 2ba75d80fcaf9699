//! An agent's own servers work, stay inside, and are told apart from everybody else's.

use anyhow::Result;
use gateway_audit::event::Denial;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::Echo;
use gateway_e2e::wait;

fn two_agents(more: &str) -> Result<gateway_e2e::gateway::Gateway> {
    Plan::new().agent_with("coder", &[], more).agent("writer", &[]).start()
}

/// What an agent listens on, and what it dials to get there.
const PLACES: [(&str, &str); 6] = [
    ("127.0.0.1:0", "127.0.0.1"),
    ("[::1]:0", "[::1]"),
    ("0.0.0.0:0", "127.0.0.1"),
    ("0.0.0.0:0", "127.0.0.7"),
    ("[::]:0", "[::1]"),
    ("[::]:0", "127.0.0.1"),
];

#[test]
fn an_agent_reaches_its_own_listeners_without_the_gateway() -> Result<()> {
    let gateway = two_agents("")?;
    let agent = gateway.agent("coder")?;
    for (listen, dial) in PLACES {
        for options in [&[][..], &["--reuse-port"][..]] {
            let server = agent.listen(listen, options)?;
            let address = format!("{dial}:{}", server.address.port());
            let said = agent.tester(&["talk", &address, "hello"])?;
            assert_eq!(said, format!("{address} heard hello"), "{listen} {options:?}");
        }
    }
    assert_eq!(gateway.records().opened()?, []);
    assert_eq!(gateway.records().denied()?, []);
    Ok(())
}

#[test]
fn another_cgroup_of_the_same_agent_reaches_them_too() -> Result<()> {
    let gateway = two_agents("")?;
    let (one, other) = (gateway.agent("coder")?, gateway.agent("coder")?);
    let server = one.listen("127.0.0.1:0", &[])?;
    let address = server.address.to_string();
    assert_eq!(other.tester(&["talk", &address, "hello"])?, format!("{address} heard hello"));
    Ok(())
}

#[test]
fn the_listener_of_another_agent_is_reached_through_the_gateway_or_not_at_all() -> Result<()> {
    let gateway = two_agents("")?;
    let (coder, writer) = (gateway.agent("coder")?, gateway.agent("writer")?);
    let server = writer.listen("127.0.0.1:0", &[])?;
    assert_eq!(coder.tester(&["talk", &server.address.to_string(), "hello"])?, "reset");
    let denied = gateway.records().await_denied(|denied| denied.original == Some(server.address))?;
    assert_eq!(denied.because, Denial::NoTarget);
    Ok(())
}

#[test]
fn a_stranger_on_this_host_reaches_a_listener_unless_it_is_for_the_agent_alone() -> Result<()> {
    for (more, heard) in [("", true), ("inbound = \"own\"", false)] {
        let gateway = two_agents(more)?;
        let agent = gateway.agent("coder")?;
        let server = agent.listen("127.0.0.1:0", &[])?;
        let patience = if heard { wait::patience() } else { std::time::Duration::from_secs(2) };
        let stream = std::net::TcpStream::connect_timeout(&server.address, patience);
        assert_eq!(stream.is_ok(), heard, "{more:?}");
        let address = server.address.to_string();
        assert_eq!(agent.tester(&["talk", &address, "hello"])?, format!("{address} heard hello"));
    }
    Ok(())
}

#[test]
fn a_port_that_was_the_agents_own_is_not_when_somebody_else_has_it() -> Result<()> {
    let gateway = two_agents("")?;
    let agent = gateway.agent("coder")?;
    let address = agent.listen("127.0.0.1:0", &[])?.address;
    let outsider = Echo::on(address.port())?;
    assert_eq!(agent.tester(&["talk", &address.to_string(), "hello"])?, "reset");
    assert_eq!(outsider.visitors(), 0);
    Ok(())
}

#[test]
fn a_unix_server_of_the_agents_own_works() -> Result<()> {
    let gateway = two_agents("")?;
    let agent = gateway.agent("coder")?;
    let folder = tempfile::tempdir()?;
    nix::unistd::chown(folder.path(), Some(gateway_e2e::agent::ORDINARY_UID.into()), None)?;
    let path = folder.path().join("server.sock");
    let name = format!("@{}", gateway.tag.as_str());
    for place in [path.to_str().expect("text"), &name] {
        assert_eq!(agent.tester(&["local", place])?, "there and back");
    }
    Ok(())
}
