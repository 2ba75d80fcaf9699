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

/// Asks as somebody else of this host, in a process of its own. Returns all that was answered.
fn ask_as(uid: u32, socket: &std::path::Path, request: &str) -> String {
    use std::os::unix::process::CommandExt as _;
    const ASK: &str = "import socket, sys\n\
        s = socket.socket(socket.AF_UNIX)\n\
        s.connect(sys.argv[1])\n\
        s.sendall(sys.argv[2].encode())\n\
        while piece := s.recv(65536): sys.stdout.buffer.write(piece)\n";
    let mut ask = std::process::Command::new("/usr/bin/python3");
    let output = ask.arg("-c").arg(ASK).arg(socket).arg(request).uid(uid).gid(uid).output().expect("python3");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_does_more_at_the_socket_than_their_role() {
    use std::os::unix::fs::PermissionsExt as _;
    let daemon = nix::unistd::User::from_name("daemon").expect("users").expect("daemon").uid.as_raw();
    let scene = Scene::set(target(echo), "[control]\nviewers = \"user:daemon\"").await;
    let socket = scene.gateway.config.serve.control.clone();
    for (path, mode) in [(scene.folder.path(), 0o755), (socket.as_path(), 0o666)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let look = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    let body = r#"{"scope":"all","lock":true,"why":null}"#;
    let act = format!("POST /v1/kill HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (seen, refused, stranger) = blocking(move || {
        let stranger = daemon + 1;
        (ask_as(daemon, &socket, look), ask_as(daemon, &socket, &act), ask_as(stranger, &socket, look))
    })
    .await;
    assert!(seen.starts_with("HTTP/1.1 200"), "{seen}");
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("takes the role operator"), "{refused}");
    assert!(stranger.starts_with("HTTP/1.1 403") && stranger.contains("no role"), "{stranger}");
    assert!(scene.gateway.access.lock_on("coder", "store").is_none());
}
