//! What an agent and its target see of a connection that was let through.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_both_ways_and_a_half_close_is_passed_on() {
    let scene = Scene::set(target(echo), "").await;
    let mut agent = scene.dial();
    let answer = blocking(move || {
        agent.write_all(b"question").expect("write");
        agent.shutdown(Shutdown::Write).expect("half-close");
        let mut answer = Vec::new();
        agent.read_to_end(&mut answer).map(|_| answer)
    })
    .await;
    assert_eq!(answer.expect("a whole answer"), b"question");
    assert_eq!(scene.ending().await, (Ending::Finished, 8, 8));
    let opened = |event: &Event| matches!(event, Event::Opened(opened) if opened.target == "store");
    assert_eq!(scene.events().into_iter().filter(opened).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_the_sender_back_and_loses_nothing() {
    let scene = Scene::set(target(echo), "").await;
    let agent = scene.dial();
    let size = 32 * 1024 * 1024;
    let received = blocking(move || {
        let mut writer = agent.try_clone().expect("clone");
        let sender = thread::spawn(move || {
            let pattern: Vec<u8> = (0..size).map(|at: usize| (at % 251) as u8).collect();
            writer.write_all(&pattern).expect("write");
            writer.shutdown(Shutdown::Write).expect("half-close");
        });
        thread::sleep(Duration::from_millis(600));
        let mut received = Vec::new();
        (&agent).read_to_end(&mut received).expect("read");
        sender.join().expect("no panic");
        received
    })
    .await;
    assert_eq!(received.len(), size);
    assert!(received.iter().enumerate().all(|(at, byte)| *byte == (at % 251) as u8));
    assert_eq!(scene.ending().await, (Ending::Finished, size as u64, size as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_connection_goes_on_when_bytes_come() {
    let scene = Scene::set(target(echo), "").await;
    let mut agent = scene.dial();
    blocking(move || {
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(350));
            agent.write_all(b"x").expect("write");
            agent.read_exact(&mut [0; 1]).expect("read");
        }
    })
    .await;
    assert_eq!(scene.ending().await, (Ending::Finished, 3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_the_target_reaches_the_agent_as_a_reset() {
    let reset = |mut stream: TcpStream| {
        stream.read_exact(&mut [0; 1]).expect("read");
        crate::sys::tcp::abort(&stream).expect("abort");
    };
    let scene = Scene::set(target(reset), "").await;
    let mut agent = scene.dial();
    agent.write_all(b"x").expect("write");
    assert!(is_reset(agent).await);
    assert_eq!(scene.ending().await.0, Ending::ResetByTarget);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_the_agent_reaches_the_target_as_a_reset() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let scene = Scene::set(
        target(move |mut stream| {
            let outcome = stream.read(&mut [0; 1]).map_err(|error| error.kind());
            tell.lock().expect("lock").send(outcome).expect("the test waits");
        }),
        "",
    )
    .await;
    let agent = scene.dial();
    let _opened = scene.event(|event| matches!(event, Event::Opened(_)).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    crate::sys::tcp::abort(&agent).expect("abort");
    let seen = blocking(move || told.recv_timeout(Duration::from_secs(5))).await;
    assert_eq!(seen.expect("the target heard"), Err(ErrorKind::ConnectionReset));
    assert_eq!(scene.ending().await.0, Ending::ResetByAgent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_ended_after_the_idle_timeout() {
    let scene = Scene::set(target(echo), "idle_timeout = \"1s\"").await;
    let mut agent = scene.dial();
    let agent = blocking(move || {
        for _ in 0..4 {
            thread::sleep(Duration::from_millis(400));
            agent.write_all(b"x").expect("bytes keep it open");
            agent.read_exact(&mut [0; 1]).expect("read");
        }
        agent
    })
    .await;
    assert!(is_reset(agent).await);
    assert_eq!(scene.ending().await, (Ending::Idle, 4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_at_once_each_get_their_own_bytes() {
    let scene = Scene::set(target(echo), "").await;
    let agents: Vec<TcpStream> = (0..1000).map(|_| scene.dial()).collect();
    blocking(move || {
        for round in 0..3_u32 {
            for (number, mut agent) in agents.iter().enumerate() {
                let mine = (number as u32 + round * 1000).to_be_bytes();
                agent.write_all(&mine).expect("write");
            }
            for (number, mut agent) in agents.iter().enumerate() {
                let mut answer = [0; 4];
                agent.read_exact(&mut answer).expect("read");
                assert_eq!(u32::from_be_bytes(answer), number as u32 + round * 1000);
            }
        }
    })
    .await;
    let finished = |event: &Event| matches!(event, Event::Ended(ended) if ended.received_bytes == 12);
    let events = scene.stop().await;
    assert_eq!(events.into_iter().filter(finished).count(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_from_another_network_namespace_is_served_too() {
    let scene = Scene::set(target(echo), "").await;
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    scene.enforcer.hand_over(listener);
    let mut agent = TcpStream::connect(address).expect("connect");
    blocking(move || {
        agent.write_all(b"x").expect("write");
        agent.read_exact(&mut [0; 1]).expect("read");
    })
    .await;
}

/// 24 KiB is what a silent connection may take in all; the kernel's part of it is not ours to choose.
#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_connection_is_small() {
    let scene = Scene::set(target(echo), "").await;
    let gate = Gate::open(0).await.expect("gates").remove(0);
    let _agent = TcpStream::connect(gate.address().expect("address")).expect("connect");
    let passing = pipeline::pass(&scene.gateway, gate.next().await);
    assert!(size_of_val(&passing) < 4096, "{} bytes", size_of_val(&passing));
}
