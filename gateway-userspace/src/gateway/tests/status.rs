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
    assert!(format!("{refused:#}").contains("agents may not ask"), "{refused:#}");
    let (who, call) = scene
        .event(|event| match event {
            Event::ControlRefused(refused) => Some((refused.by.clone(), refused.call.clone())),
            _ => None,
        })
        .await;
    assert_eq!((who.pid, call.as_str()), (std::process::id(), "/v1/status"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_handed_to_an_agent_is_refused() {
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    let scene = Scene::set(target(echo), "").await;
    let mut stream = UnixStream::connect(&scene.gateway.config.serve.control).expect("a connection");
    // Who connected is no agent; whoever writes is one, as far as this enforcer knows.
    let mut writer = Command::new("sh")
        .args(["-c", "read go; printf 'GET /v1/status HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&2; read stay"])
        .stdin(Stdio::piped())
        .stderr(Stdio::from(std::os::fd::OwnedFd::from(stream.try_clone().expect("a copy"))))
        .spawn()
        .expect("sh");
    scene.enforcer.claim(writer.id());
    writer.stdin.as_mut().expect("a pipe").write_all(b"go\n").expect("told to go on");
    let answer = blocking(move || {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    })
    .await;
    writer.kill().expect("killed");
    writer.wait().expect("its end");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("agents may not ask"), "{answer}");
}
