//! Stopping in order: enforcement stays until it is taken away on purpose.

use anyhow::Result;
use gateway_audit::event::Event;
use gateway_e2e::wait;

use super::Scene;

#[test]
fn stopping_both_keeps_agents_cut_off() -> Result<()> {
    let mut scene = Scene::set()?;
    for daemon in [&mut scene.gateway.gateway, &mut scene.gateway.enforcer] {
        let status = daemon.as_mut().expect("it runs").stop()?;
        assert!(status.success(), "{status}");
    }
    assert_eq!(scene.stray()?, "refused");
    assert_eq!(scene.outsider.visitors(), 0);
    Ok(())
}

#[test]
fn a_gateway_that_stops_in_order_says_so_in_its_records() -> Result<()> {
    let mut scene = Scene::set()?;
    assert_eq!(scene.talk()?, scene.served());
    // The record counts what is open when the stop is heard; the gateway may still be at the end of the last one.
    wait::until_true("nothing is open", || Ok(scene.gateway.status()?["open_connections"] == 0))?;
    scene.gateway.gateway.as_mut().expect("it runs").stop()?;
    let mut events = scene.gateway.records().events()?;
    // What the records say of themselves stands around it.
    events.retain(|event| {
        !matches!(event, Event::FileBegan(_) | Event::ConfigRead { .. } | Event::Checkpoint(_))
    });
    assert!(matches!(events.first(), Some(Event::Started { .. })), "{events:?}");
    assert!(matches!(events.last(), Some(Event::Stopped { open_connections: 0 })), "{events:?}");
    Ok(())
}

#[test]
fn detaching_releases_agents_and_nothing_else_does() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.gateway.enforcer.as_mut().expect("it runs").stop()?;
    assert_eq!(scene.stray()?, "reset");
    let detached = scene.gateway.postern(&["enforce", "--detach"])?;
    assert!(detached.status.success(), "{detached:?}");
    // The kernel takes programs out of force a moment after their last name is gone.
    let released = format!("{} heard hello", scene.outsider.v4());
    wait::until_true("the agent is released", || Ok(scene.stray()? == released))
}
