//! A new enforcer over the pins of the old one, while agents go on connecting.

use anyhow::{Context, Result};

use super::Scene;

const RATE: usize = 50;
const SECONDS: usize = 5;

#[test]
fn an_upgrade_under_fifty_connections_a_second_refuses_none_and_lets_none_out() -> Result<()> {
    let mut scene = Scene::set()?;
    let (count, every) = ((RATE * SECONDS).to_string(), (1_000_000 / RATE).to_string());
    let (target, outsider) = (scene.target.v4().to_string(), scene.outsider.v4().to_string());
    let (wanted, stray) = std::thread::scope(|scope| -> Result<_> {
        let crowd = |address| {
            let (agent, count, every) = (&scene.agent, &count, &every);
            scope.spawn(move || agent.tester(&["crowd", address, count, "--every", every]))
        };
        let (wanted, stray) = (crowd(&target), crowd(&outsider));
        for _ in 0..3 {
            // Stopped, as a package would; connections meanwhile wait for who can say whose they are.
            scene.gateway.replace_enforcer()?;
        }
        Ok((wanted.join().expect("no panic")?, stray.join().expect("no panic")?))
    })?;
    let (_, wanted) = wanted.split_once(' ').context("no outcome")?;
    assert_eq!(wanted, format!("ok={count}"));
    let (_, stray) = stray.split_once(' ').context("no outcome")?;
    assert_eq!(stray, format!("reset={count}"));
    assert_eq!((scene.target.visitors(), scene.outsider.visitors()), (RATE * SECONDS, 0));
    Ok(())
}
