//! Which cgroups are an agent's: by their name, by their parent, from their first moment, and again when they are made
//! again.

use anyhow::Result;
use gateway_e2e::agent::Agent;
use gateway_e2e::host::Cgroup;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::Echo;
use gateway_e2e::wait;

use super::one_agent_one_echo;

#[test]
fn a_cgroup_made_while_the_enforcer_is_dead_is_covered_before_its_first_packet() -> Result<()> {
    let (mut gateway, _echo) = one_agent_one_echo()?;
    let outsider = Echo::start()?;
    gateway.kill_enforcer()?;
    let agent = gateway.agent("coder")?;
    // Nobody can say whose it is, so it is reset; what counts is that it did not go straight.
    assert_eq!(agent.tester(&["talk", &outsider.v4().to_string(), "hello"])?, "reset");
    assert_eq!(outsider.visitors(), 0);
    Ok(())
}

#[test]
fn a_cgroup_below_an_agents_is_the_agents_too() -> Result<()> {
    let (gateway, echo) = one_agent_one_echo()?;
    let agent = gateway.agent("coder")?;
    let child = agent.cgroup.child("child")?;
    let grandchild = Agent::new(child.child("grandchild")?);
    let said = grandchild.tester(&["talk", &echo.v4().to_string(), "hello"])?;
    assert_eq!(said, format!("{} heard hello", echo.v4()));
    let who = gateway.records().await_ended(|_| true)?.connection.who;
    assert_eq!((who.agent.as_str(), who.cgroup_id), ("coder", grandchild.cgroup.id()?));
    assert!(who.cgroup_path.ends_with("/child/grandchild"), "{}", who.cgroup_path);
    Ok(())
}

#[test]
fn a_cgroup_that_is_made_again_is_covered_again() -> Result<()> {
    let (gateway, echo) = one_agent_one_echo()?;
    let outsider = Echo::start()?;
    let name = gateway.cgroup_name("coder", "again");
    for _ in 0..3 {
        let agent = Agent::new(Cgroup::make(&name)?);
        assert_eq!(agent.tester(&["talk", &outsider.v4().to_string(), "hello"])?, "reset");
        let said = agent.tester(&["talk", &echo.v4().to_string(), "hello"])?;
        assert_eq!(said, format!("{} heard hello", echo.v4()));
    }
    assert_eq!(outsider.visitors(), 0);
    Ok(())
}

#[test]
fn a_cgroup_that_was_there_before_the_enforcer_is_covered() -> Result<()> {
    let plan = Plan::new().agent("coder", &[]);
    let early = Agent::new(Cgroup::make(&format!("{}-coder.early", plan.tag().as_str()))?);
    let nested = Agent::new(early.cgroup.child("nested")?);
    let _gateway = plan.start()?;
    let outsider = Echo::start()?;
    for agent in [&early, &nested] {
        assert_eq!(agent.tester(&["talk", &outsider.v4().to_string(), "hello"])?, "reset");
    }
    assert_eq!(outsider.visitors(), 0);
    drop(nested);
    Ok(())
}

#[test]
fn a_cgroup_that_only_begins_like_an_agents_is_released() -> Result<()> {
    let plan = Plan::new();
    let tag = plan.tag().as_str().to_owned();
    let gateway = plan.tables(&format!("[agents.coder]\ncgroup = \"/{tag}-x-*-end\"\n")).start()?;
    let outsider = Echo::start()?;
    let meant = Agent::new(Cgroup::make(&format!("{tag}-x-1-end"))?);
    let not_meant = Agent::new(Cgroup::make(&format!("{tag}-x-1-other"))?);
    let id = not_meant.cgroup.id()?;
    wait::until_true("it is released", || Ok(!gateway.watched()?.contains(&id)))?;
    let address = outsider.v4().to_string();
    assert_eq!(not_meant.tester(&["talk", &address, "hello"])?, format!("{address} heard hello"));
    assert_eq!(meant.tester(&["talk", &address, "hello"])?, "reset");
    assert_eq!(outsider.visitors(), 1);
    Ok(())
}

#[test]
fn a_program_outside_every_agent_is_left_alone() -> Result<()> {
    let (gateway, _echo) = one_agent_one_echo()?;
    let elsewhere = Echo::start()?;
    let other = Agent::new(Cgroup::make(&format!("{}-unrelated", gateway.tag.as_str()))?);
    let address = elsewhere.v4().to_string();
    assert_eq!(other.tester(&["talk", &address, "hello"])?, format!("{address} heard hello"));
    assert_eq!(gateway.records().denied()?, []);
    Ok(())
}
