//! What an agent sees of a connection that was not, and what its target does not see.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_no_target_is_reset_and_never_dialled() {
    let (address, dialled) = counting();
    let scene = Scene::set(SocketAddr::from(([192, 0, 2, 1], 80)), "").await;
    scene.enforcer.send_to(address);
    assert!(is_reset(scene.dial()).await);
    assert_eq!(scene.denial().await, Denial::NoTarget);
    assert_eq!(dialled.load(Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_of_somebody_else_is_reset() {
    let (address, dialled) = counting();
    let scene = Scene::set(address, "").await;
    scene.enforcer.be("tester");
    assert!(is_reset(scene.dial()).await);
    assert_eq!(scene.denial().await, Denial::NotForThisAgent);
    assert_eq!(dialled.load(Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_nobody_is_reset() {
    let (address, dialled) = counting();
    let scene = Scene::set(address, "").await;
    scene.enforcer.know_nobody();
    assert!(is_reset(scene.dial()).await);
    assert_eq!(scene.denial().await, Denial::NotAnAgent);
    assert_eq!(dialled.load(Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_strangers_are_a_few_records_and_a_number() {
    let (address, dialled) = counting();
    let scene = Scene::set(address, "").await;
    scene.enforcer.know_nobody();
    for _ in 0..50 {
        assert!(is_reset(scene.dial()).await);
    }
    let events = scene.stop().await;
    let alone = events.iter().filter(|event| matches!(event, Event::Denied(_))).count() as u64;
    let counted: u64 = events
        .iter()
        .filter_map(|event| if let Event::NotListed { count, .. } = event { Some(count) } else { None })
        .sum();
    assert!(alone < 50, "{alone}");
    assert_eq!(alone + counted, 50);
    assert_eq!(dialled.load(Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_itself_is_no_destination_even_if_it_is_a_target() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = free_port();
    let address = SocketAddr::from(([127, 0, 0, 1], gate));
    let mut config = config(&folder, address, "");
    config.serve.port = gate;
    let scene = Scene::with(folder, config, address).await;
    assert!(is_reset(scene.dial()).await);
    assert_eq!(scene.denial().await, Denial::GatewayItself);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_enforcer_all_connections_are_refused_until_it_is_back() {
    let (address, dialled) = counting();
    let scene = Scene::set(address, "").await;
    // Vanishing ends the conversations that there are; one that is just being opened would live on.
    let _heard = scene.event(|event| matches!(event, Event::LevelChanged { .. }).then_some(())).await;
    scene.enforcer.vanish();
    assert!(is_reset(scene.dial()).await);
    assert_eq!(scene.denial().await, Denial::NoAttribution);
    let _gone = scene.event(|event| (*event == Event::EnforcerGone).then_some(())).await;
    assert_eq!(dialled.load(Relaxed), 0);
    scene.enforcer.come_back();
    let _back = scene.event(|event| (*event == Event::EnforcerBack).then_some(())).await;
    let mut agent = scene.dial();
    blocking(move || {
        agent.write_all(b"x").expect("write");
        agent.read_exact(&mut [0; 1]).expect("read");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_not_forwarded() {
    let (address, dialled) = counting();
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(&folder, address, "");
    let enforcer = FakeEnforcer::start(&config.enforce.socket, address);
    let gateway = Gateway::new(config).expect("a gateway");
    gateway.recorder.fill_up();
    let gate = Gate::open(0).await.expect("gates").remove(0);
    let agent = TcpStream::connect(gate.address().expect("address")).expect("connect");
    pipeline::pass(&gateway, gate.next().await).await;
    assert!(is_reset(agent).await);
    assert_eq!(dialled.load(Relaxed), 0);
    assert_eq!(gateway.counts.snapshot().unrecorded, 1);
    drop(enforcer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_not_there_resets_the_agent() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let scene = Scene::set(address, "").await;
    assert!(is_reset(scene.dial()).await);
    assert!(matches!(scene.ending().await.0, Ending::ConnectFailed { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_answer_is_given_up_after_the_connect_timeout() {
    // With its queue full, it answers no further connection.
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).expect("a backlog"))
        .expect("listen");
    let address = listener.local_addr().expect("address");
    let _queued = TcpStream::connect(address).expect("the queue has one place");
    let scene = Scene::set(address, "connect_timeout = \"1s\"").await;
    assert!(is_reset(scene.dial()).await);
    assert_eq!(scene.ending().await.0, Ending::ConnectTimedOut);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_reset() {
    let scene = Scene::set(target(echo), "max_connections = 1").await;
    let first = scene.dial();
    let _opened = scene.event(|event| matches!(event, Event::Opened(_)).then_some(())).await;
    assert!(is_reset(scene.dial()).await);
    assert_eq!(scene.denial().await, Denial::TooManyConnections);
    drop(first);
}
