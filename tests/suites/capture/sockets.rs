//! Ways to connect that are not a plain `connect`.

use anyhow::Result;

use super::one_agent_one_echo;

#[test]
fn a_connect_that_does_not_wait_reaches_the_target() -> Result<()> {
    let (gateway, echo) = one_agent_one_echo()?;
    let agent = gateway.agent("coder")?;
    for address in [echo.v4(), echo.v6()] {
        let said = agent.tester(&["talk", &address.to_string(), "hello", "--nonblocking"])?;
        assert_eq!(said, format!("{address} heard hello"));
    }
    assert_eq!(gateway.records().opened()?.len(), 2);
    Ok(())
}

#[test]
fn an_ipv4_address_inside_ipv6_reaches_the_target_and_keeps_its_form() -> Result<()> {
    let (gateway, echo) = one_agent_one_echo()?;
    let agent = gateway.agent("coder")?;
    let address = format!("[::ffff:127.0.0.1]:{}", echo.port());
    assert_eq!(agent.tester(&["talk", &address, "hello"])?, format!("{address} heard hello"));
    let opened = gateway.records().opened()?;
    assert_eq!(opened.iter().map(|connection| connection.original).collect::<Vec<_>>(), [echo.v4()]);
    Ok(())
}

#[test]
fn a_source_address_of_the_agents_choice_changes_nothing() -> Result<()> {
    let (gateway, echo) = one_agent_one_echo()?;
    let agent = gateway.agent("coder")?;
    let said = agent.tester(&["talk", &echo.v4().to_string(), "hello", "--from", "127.0.0.9:0"])?;
    assert_eq!(said, format!("{} heard hello", echo.v4()));
    assert_eq!(gateway.records().opened()?.len(), 1);
    Ok(())
}
