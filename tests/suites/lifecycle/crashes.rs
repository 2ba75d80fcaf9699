//! kill -9 of either process, at any moment.

use std::time::{Duration, Instant};

use anyhow::Result;
use gateway_e2e::agent::Agent;
use gateway_e2e::host::{self, Cgroup};
use gateway_e2e::wait;

use super::Scene;

/// How soon an agent must hear that it is cut off.
const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn a_killed_gateway_means_refused_connections_at_once_and_no_byte_gets_out() -> Result<()> {
    let mut scene = Scene::set()?;
    assert_eq!(scene.talk()?, scene.served());
    let visitors = scene.target.visitors();
    scene.gateway.kill_gateway()?;
    let start = Instant::now();
    assert_eq!(scene.talk()?, "refused");
    // Emulation is slow at starting programs, which is not what is measured.
    assert!(host::in_guest() || start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    assert_eq!(scene.stray()?, "refused");
    assert_eq!((scene.target.visitors(), scene.outsider.visitors()), (visitors, 0));
    Ok(())
}

#[test]
fn an_open_connection_is_cut_when_the_gateway_is_killed() -> Result<()> {
    let mut scene = Scene::set()?;
    let address = scene.target.v4().to_string();
    let held = std::thread::scope(|scope| -> Result<String> {
        let held = scope.spawn(|| scene.agent.tester(&["hold", &address]));
        wait::until_true("it is open", || Ok(scene.target.bytes() > 0))?;
        // The scope borrows the agent; the gateway is another field.
        scene.gateway.kill_gateway()?;
        held.join().expect("no panic")
    })?;
    assert!(["reset", "closed"].contains(&held.as_str()), "{held}");
    Ok(())
}

#[test]
fn a_gateway_that_comes_back_serves_without_anything_being_attached_again() -> Result<()> {
    let mut scene = Scene::set()?;
    for _ in 0..2 {
        scene.gateway.kill_gateway()?;
        assert_eq!(scene.talk()?, "refused");
        scene.gateway.start_gateway()?;
        assert_eq!(scene.talk()?, scene.served());
    }
    assert_eq!(scene.stray()?, "reset");
    Ok(())
}

#[test]
fn a_killed_enforcer_leaves_agents_cut_off_and_new_cgroups_covered() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.gateway.kill_enforcer()?;
    assert_eq!(scene.talk()?, "reset");
    assert_eq!(scene.stray()?, "reset");
    // Recognised by the kernel itself: by its name, and by its parent.
    let by_name = Agent::new(Cgroup::make(&scene.gateway.cgroup_name("coder", "late"))?);
    let by_parent = Agent::new(scene.agent.cgroup.child("late")?);
    for agent in [&by_name, &by_parent] {
        assert_eq!(agent.tester(&["talk", &scene.outsider.v4().to_string(), "hello"])?, "reset");
    }
    assert_eq!((scene.target.visitors(), scene.outsider.visitors()), (0, 0));
    Ok(())
}

#[test]
fn an_enforcer_that_comes_back_knows_the_cgroups_made_meanwhile() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.gateway.kill_enforcer()?;
    let late = scene.gateway.agent("coder")?;
    scene.gateway.start_enforcer()?;
    for agent in [&scene.agent, &late] {
        let heard = || agent.tester(&["talk", &scene.target.v4().to_string(), "hello"]);
        // The gateway looks for the enforcer again when it has the next question.
        assert_eq!(heard()?, scene.served());
    }
    assert_eq!(scene.stray()?, "reset");
    Ok(())
}

#[test]
fn with_both_killed_nothing_gets_out_and_both_come_back() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.gateway.kill_enforcer()?;
    scene.gateway.kill_gateway()?;
    assert_eq!(scene.stray()?, "refused");
    scene.gateway.start_enforcer()?;
    scene.gateway.start_gateway()?;
    assert_eq!(scene.talk()?, scene.served());
    assert_eq!(scene.outsider.visitors(), 0);
    Ok(())
}
