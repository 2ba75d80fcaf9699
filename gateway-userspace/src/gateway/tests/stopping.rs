//! Connections that are open when the gateway is told to stop.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_gateway_lets_connections_finish() {
    let scene = Scene::set(target(echo), "").await;
    let mut agent = scene.dial();
    let _opened = scene.event(|event| matches!(event, Event::Opened(_)).then_some(())).await;
    let port = scene.port;
    let finish = blocking(move || {
        thread::sleep(Duration::from_millis(500));
        let closed = TcpStream::connect(("127.0.0.1", port)).is_err();
        agent.write_all(b"last").expect("write");
        agent.read_exact(&mut [0; 4]).expect("read");
        closed
    });
    let (events, closed) = tokio::join!(scene.stop(), finish);
    assert!(closed, "a stopping gateway accepted a connection");
    assert!(events.iter().any(|event| matches!(event, Event::Ended(e) if e.ending == Ending::Finished)));
    assert_eq!(events.last(), Some(&Event::Stopped { open_connections: 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_gateway_resets_what_does_not_finish() {
    let scene = Scene::set(target(echo), "drain_timeout = \"1s\"").await;
    let agent = scene.dial();
    let _opened = scene.event(|event| matches!(event, Event::Opened(_)).then_some(())).await;
    let (events, reset) = tokio::join!(scene.stop(), is_reset(agent));
    assert!(reset);
    assert!(
        events.iter().any(|event| matches!(event, Event::Ended(e) if e.ending == Ending::GatewayStopped))
    );
}
