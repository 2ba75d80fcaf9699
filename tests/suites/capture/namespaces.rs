//! Agents in a network namespace of their own: their loopback is another one, and the gateway is there too.

use anyhow::Result;
use gateway_e2e::servers::Echo;

use super::one_agent_one_echo;

#[test]
fn the_gateway_listens_in_a_network_namespace_of_the_agents_own() -> Result<()> {
    let (gateway, echo) = one_agent_one_echo()?;
    let agent = gateway.agent("coder")?.in_own_network();
    for address in [echo.v4(), echo.v6()] {
        let said = agent.tester(&["talk", &address.to_string(), "hello", "--until-served"])?;
        assert_eq!(said, format!("{address} heard hello"));
    }
    let refused = gateway.records().await_kernel_refused(|refused| refused.act == "connect")?;
    assert_eq!(refused.why, "no gateway listener in this network namespace");
    let ended = gateway.records().await_ended(|_| true)?;
    assert_eq!(ended.connection.who.agent, "coder");
    Ok(())
}

#[test]
fn what_is_no_target_is_reset_there_too() -> Result<()> {
    let (gateway, _echo) = one_agent_one_echo()?;
    let outsider = Echo::start()?;
    let agent = gateway.agent("coder")?.in_own_network();
    assert_eq!(agent.tester(&["talk", &outsider.v4().to_string(), "hello", "--until-served"])?, "reset");
    assert_eq!(outsider.visitors(), 0);
    gateway.records().await_denied(|denied| denied.original == Some(outsider.v4()))?;
    Ok(())
}
