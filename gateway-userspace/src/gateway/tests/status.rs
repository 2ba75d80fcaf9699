//! What the control socket tells, and whom.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_goes_on() {
    let scene = Scene::set(target(echo), "").await;
    let agent = scene.dial();
    let _opened = scene.event(|event| matches!(event, Event::Opened(_)).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let socket = scene.gateway.config.serve.control.clone();
    let status = blocking(move || crate::control::client::status(&socket)).await.expect("an answer");
    assert_eq!(status.live_by_agent.get("coder"), Some(&1));
    assert_eq!(status.live.first().map(|live| live.target.as_str()), Some("store"));
    assert_eq!(status.counts.opened.get("coder"), Some(&1));
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_may_not_ask_for_the_status() {
    let scene = Scene::set(target(echo), "").await;
    let cgroups = std::fs::read_to_string("/proc/self/cgroup").expect("cgroups");
    let own = cgroups.lines().find_map(|line| line.strip_prefix("0::")).expect("a unified cgroup");
    scene.enforcer.watch(own);
    let socket = scene.gateway.config.serve.control.clone();
    let refused = blocking(move || crate::control::client::status(&socket)).await.expect_err("a refusal");
    assert!(refused.to_string().contains("agents may not ask"), "{refused}");
}
