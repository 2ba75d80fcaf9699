//! Leases that end, locks and the kill switch, on connections that are open.

use super::*;
use crate::access::{Kill, KillQuestion, Killed, Scope, Unlock, UnlockQuestion};
use crate::control::client;

/// Connections that are open when the switch is thrown.
const MANY: usize = 1000;

async fn kill(scene: &Scene, scope: Scope, lock: bool) -> Killed {
    let socket = scene.gateway.config.serve.control.clone();
    let question = KillQuestion { scope, lock, why: Some("a test".to_owned()) };
    blocking(move || client::ask::<Kill>(&socket, &question)).await.expect("an answer")
}

async fn carried(scene: &Scene, count: usize) {
    for _ in 0..3000 {
        if scene.gateway.live.by_agent().get("coder") == Some(&(count as u64)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", scene.gateway.live.by_agent());
}

async fn echoes(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket option");
    blocking(move || {
        stream.write_all(b"ping").is_ok() && {
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).is_ok() && answer == *b"ping"
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_open_connections_are_killed_within_a_second() {
    crate::service::limits::make_room(20_000);
    let scene = Scene::set(target(echo), "").await;
    let agents: Vec<TcpStream> = (0..MANY).map(|_| scene.dial()).collect();
    carried(&scene, MANY).await;
    let killed = kill(&scene, Scope::Agent("coder".to_owned()), false).await;
    println!("{MANY} connections were over {} ms after the switch was thrown", killed.took_ms);
    assert_eq!((killed.ended.len(), killed.ending), (MANY, 0));
    assert!(killed.took_ms < 1000, "{} ms", killed.took_ms);
    for mut agent in agents {
        agent.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket option");
        assert!(!matches!(agent.read(&mut [0; 1]), Ok(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_keeps_new_connections_out_until_it_is_taken_away() {
    let scene = Scene::set(target(echo), "").await;
    let agent = scene.dial();
    carried(&scene, 1).await;
    let killed = kill(&scene, Scope::Target("store".to_owned()), true).await;
    assert_eq!(killed.ended.len(), 1);
    assert_eq!(scene.ending().await.0, Ending::Killed);
    assert!(is_reset(agent).await);
    assert!(is_reset(scene.dial()).await);
    assert_eq!(scene.denial().await, Denial::Locked);
    let by = scene
        .event(|event| match event {
            Event::ControlUsed(used) if used.call == "/v1/kill" => Some(used.by.clone()),
            _ => None,
        })
        .await;
    assert_eq!((by.uid, by.pid), (nix::unistd::getuid().as_raw(), std::process::id()));
    let socket = scene.gateway.config.serve.control.clone();
    let question = UnlockQuestion { scope: Scope::Target("store".to_owned()) };
    blocking(move || client::ask::<Unlock>(&socket, &question)).await.expect("unlocked");
    assert!(echoes(scene.dial()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_a_second_ends_an_open_connection_after_a_second() {
    let scene =
        Scene::set(target(echo), "[leases.short]\nagents = \"coder\"\ntargets = \"*\"\ntime = \"1s\"").await;
    let since = Instant::now();
    let agent = scene.dial();
    assert!(echoes(agent.try_clone().expect("a copy")).await);
    assert_eq!(scene.ending().await.0, Ending::LeaseEnded);
    assert!(since.elapsed() >= Duration::from_secs(1), "{:?}", since.elapsed());
    assert!(is_reset(agent).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_lease_is_wanted_ahead_nothing_is_dialled_without_one() {
    let (address, count) = counting();
    let scene =
        Scene::set(address, "[leases.ahead]\nagents = \"coder\"\ntargets = \"*\"\ngiven = \"ahead\"").await;
    assert!(is_reset(scene.dial()).await);
    assert!(matches!(scene.ending().await.0, Ending::NotLeased { .. }));
    assert_eq!(count.load(Relaxed), 0);
}
