//! Connections that are open when another configuration comes to hold.

use super::*;

impl Scene {
    /// The configuration of this scene as it would be with other agents and targets.
    fn reload(&self, policy: &str) {
        let Config { agents, targets, .. } = fixture(policy);
        let config = Config { agents, targets, ..Config::clone(&self.gateway.config) };
        self.gateway.reload(Ok(config));
    }

    async fn opened(&self) {
        self.event(|event| matches!(event, Event::Opened(_)).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_an_agent_that_is_removed_is_reset_at_once() {
    let scene = Scene::set(target(echo), "").await;
    let agent = scene.dial();
    scene.opened().await;
    scene.reload("[agents.tester]\nslice = \"tests.slice\"\n");
    assert!(is_reset(agent).await);
    assert_eq!(scene.ending().await.0, Ending::AgentRemoved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_a_target_that_is_removed_is_reset_at_once() {
    let scene = Scene::set(target(echo), "").await;
    let agent = scene.dial();
    scene.opened().await;
    scene.reload("[agents.coder]\nslice = \"agents.slice\"\n");
    assert!(is_reset(agent).await);
    assert_eq!(scene.ending().await.0, Ending::TargetRemoved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_goes_on_when_the_configuration_says_the_same_of_it() {
    let address = target(echo);
    let scene = Scene::set(address, "").await;
    let mut agent = scene.dial();
    scene.opened().await;
    scene.reload(&format!(
        "[agents.coder]\nslice = \"others.slice\"\ntargets = [\"store\"]\n[targets.store]\nprotocol = \"tcp\"\nhosts = [\"{}\"]\nports = [{}]\n",
        address.ip(),
        address.port(),
    ));
    let answer = blocking(move || {
        thread::sleep(Duration::from_millis(200));
        agent.write_all(b"last")?;
        agent.read_exact(&mut [0; 4])
    });
    answer.await.expect("the connection goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_restart_is_told_until_it_is_taken_back() {
    let scene = Scene::set(target(echo), "").await;
    scene.gateway.reload(Ok(fixture("[serve]\nidle_timeout = \"7s\"\n")));
    assert!(scene.gateway.last_reload().restart_needed.contains(&"serve.idle_timeout".to_owned()));
    scene.reload("");
    assert_eq!(scene.gateway.last_reload(), crate::config::Reload::default());
}
