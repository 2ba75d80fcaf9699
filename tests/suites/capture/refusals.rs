//! Who or what is refused hears a reset or an error of the system call, and it is written down.

use std::io::Read;
use std::net::TcpStream;

use anyhow::Result;
use gateway_audit::event::Denial;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::Echo;

use super::one_agent_one_echo;

#[test]
fn a_destination_that_is_no_target_is_reset_and_recorded() -> Result<()> {
    let (gateway, _echo) = one_agent_one_echo()?;
    let elsewhere = Echo::start()?;
    let agent = gateway.agent("coder")?;
    for address in [elsewhere.v4(), elsewhere.v6()] {
        assert_eq!(agent.tester(&["talk", &address.to_string(), "hello"])?, "reset");
        let denied = gateway.records().await_denied(|denied| denied.original == Some(address))?;
        assert_eq!(denied.because, Denial::NoTarget);
        assert_eq!(denied.who.map(|who| who.agent).as_deref(), Some("coder"));
    }
    assert_eq!(elsewhere.visitors(), 0);
    assert_eq!(gateway.records().opened()?, []);
    Ok(())
}

#[test]
fn the_target_of_another_agent_is_reset_and_recorded() -> Result<()> {
    let (mine, theirs) = (Echo::start()?, Echo::start()?);
    let gateway = Plan::new()
        .agent("coder", &["mine"])
        .agent("writer", &["theirs"])
        .target("mine", &["127.0.0.1"], &[mine.port()])
        .target("theirs", &["127.0.0.1"], &[theirs.port()])
        .start()?;
    let agent = gateway.agent("coder")?;
    assert_eq!(agent.tester(&["talk", &theirs.v4().to_string(), "hello"])?, "reset");
    let denied = gateway.records().await_denied(|denied| denied.original == Some(theirs.v4()))?;
    assert_eq!(denied.because, Denial::NotForThisAgent);
    assert_eq!(theirs.visitors(), 0);
    Ok(())
}

#[test]
fn a_destination_that_is_not_on_this_host_never_leaves_it() -> Result<()> {
    let (gateway, _echo) = one_agent_one_echo()?;
    let agent = gateway.agent("coder")?;
    // Addresses for documentation: no packet to them may leave, and none does.
    for address in ["192.0.2.1:443", "[2001:db8::1]:443"] {
        assert_eq!(agent.tester(&["talk", address, "hello"])?, "reset");
        gateway.records().await_denied(|denied| denied.original == address.parse().ok())?;
    }
    Ok(())
}

#[test]
fn an_agent_as_root_is_refused_and_recorded() -> Result<()> {
    let (gateway, echo) = one_agent_one_echo()?;
    let agent = gateway.agent("coder")?.as_uid(0);
    assert_eq!(agent.tester(&["talk", &echo.v4().to_string(), "hello"])?, "denied");
    let refused = gateway.records().await_kernel_refused(|refused| refused.act == "connect")?;
    assert_eq!((refused.uid, refused.why.as_str()), (0, "the agent runs as root"));
    assert_eq!(refused.destination, Some(echo.v4()));
    assert_eq!(echo.visitors(), 0);
    Ok(())
}

#[test]
fn an_agent_as_root_is_served_when_the_danger_is_taken() -> Result<()> {
    let echo = Echo::start()?;
    let gateway = Plan::new()
        .agent_with("coder", &["echo"], "danger_root = true")
        .target("echo", &["127.0.0.1"], &[echo.port()])
        .start()?;
    let agent = gateway.agent("coder")?.as_uid(0);
    let said = agent.tester(&["talk", &echo.v4().to_string(), "hello"])?;
    assert_eq!(said, format!("{} heard hello", echo.v4()));
    Ok(())
}

#[test]
fn a_stranger_at_the_gateways_door_is_reset_and_recorded() -> Result<()> {
    let (gateway, _echo) = one_agent_one_echo()?;
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port))?;
    let me = stream.local_addr()?;
    let error = stream.read(&mut [0; 1]).expect_err("a stranger is not talked to");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let denied = gateway.records().await_denied(|denied| denied.peer == Some(me))?;
    assert_eq!((denied.because, denied.who), (Denial::NotAnAgent, None));
    Ok(())
}

#[test]
fn an_agent_that_asks_for_the_gateway_itself_is_reset_and_recorded() -> Result<()> {
    let echo = Echo::start()?;
    let plan = Plan::new().agent("coder", &["all"]).target("echo", &["127.0.0.1"], &[echo.port()]);
    let port = gateway_e2e::host::free_port()?;
    // Even where a target covers the gateway's own port.
    let gateway = plan.on_port(port).target("all", &["127.0.0.0/8"], &[port]).start()?;
    let agent = gateway.agent("coder")?;
    let door = format!("127.0.0.1:{port}");
    assert_eq!(agent.tester(&["talk", &door, "hello"])?, "reset");
    let denied = gateway.records().await_denied(|denied| denied.original == door.parse().ok())?;
    assert_eq!(denied.because, Denial::GatewayItself);
    Ok(())
}

#[test]
fn a_datagram_that_is_no_question_for_a_name_is_refused_and_recorded() -> Result<()> {
    let (gateway, _echo) = one_agent_one_echo()?;
    let agent = gateway.agent("coder")?;
    for way in ["--connected", "--unconnected"] {
        let mut args = vec!["dns", "127.0.0.1:5353", "target.example"];
        args.extend((way == "--connected").then_some(way));
        assert_eq!(agent.tester(&args)?, "denied", "{way}");
    }
    let refused = gateway.records().await_kernel_refused(|refused| refused.why == "UDP other than DNS")?;
    assert_eq!(refused.destination, "127.0.0.1:5353".parse().ok());
    Ok(())
}
