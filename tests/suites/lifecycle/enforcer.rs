//! The enforcer: it may die and come back, and what it put into the kernel stays until it is told to take it out.

use anyhow::Result;
use gateway_e2e::host;
use gateway_e2e::plan::Plan;

fn plan() -> Plan {
    Plan::new().agent("coder", &[])
}

#[test]
fn it_says_how_it_stands_and_watches_a_cgroup_from_the_moment_it_is_made() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    assert_eq!(gateway.level()?, if host::in_guest() { "full" } else { "cgroup" });
    let agent = gateway.agent("coder")?;
    assert!(gateway.watched()?.contains(&agent.cgroup.id()?));
    Ok(())
}
