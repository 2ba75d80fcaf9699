//! The whole path on this host's loopback, with an enforcer that answers what a test wants.

mod enforcer;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use gateway_audit::event::{AnswerGiven, Denial, Ending, Record};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::config::fixture;
use enforcer::FakeEnforcer;

/// A running gateway, its enforcer, and the agent that dials it.
struct Scene {
    folder: TempDir,
    port: u16,
    enforcer: FakeEnforcer,
    gateway: Arc<Gateway>,
    stop: Option<oneshot::Sender<()>>,
    running: tokio::task::JoinHandle<anyhow::Result<()>>,
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("address").port()
}

fn config(folder: &TempDir, target: SocketAddr, settings: &str) -> Config {
    fixture(&format!(
        r#"
        [enforce]
        socket = "{folder}/enforce.sock"
        [serve]
        port = {port}
        control = "{folder}/control.sock"
        records = "{folder}"
        {settings}
        [dns]
        port = {dns}
        [agents.coder]
        slice = "agents.slice"
        targets = ["store"]
        [agents.tester]
        slice = "tests.slice"
        [targets.store]
        protocol = "tcp"
        hosts = ["{host}"]
        ports = [{target_port}]
        "#,
        folder = folder.path().display(),
        port = free_port(),
        dns = free_port(),
        host = target.ip(),
        target_port = target.port(),
    ))
}

impl Scene {
    async fn set(target: SocketAddr, settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(&folder, target, settings);
        Self::with(folder, config, target).await
    }

    async fn with(folder: TempDir, config: Config, target: SocketAddr) -> Self {
        let enforcer = FakeEnforcer::start(&config.enforce.socket, target);
        let port = config.serve.port;
        let control = Control::open(&config.serve.control).expect("control socket");
        let gateway = Gateway::new(config).expect("a gateway");
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let running = tokio::spawn({
            let gateway = Arc::clone(&gateway);
            async move {
                let ready = || ready.send(()).expect("the test waits");
                gateway.run(control, ready, async { drop(stopped.await) }).await
            }
        });
        is_ready.await.expect("the gateway runs");
        Self { folder, port, enforcer, gateway, stop: Some(stop), running }
    }

    /// A connection that the kernel sent to the gateway.
    fn dial(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).expect("the gateway accepts")
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events.jsonl")
    }

    fn events(&self) -> Vec<Event> {
        let text = std::fs::read_to_string(self.path()).expect("records");
        text.lines().map(|line| serde_json::from_str::<Record>(line).expect("a record").event).collect()
    }

    /// Waits for the first event that `pick` takes.
    async fn event<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> T {
        for _ in 0..500 {
            if let Some(found) = self.events().iter().find_map(&pick) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no such event in {:#?}", self.events());
    }

    async fn ending(&self) -> (Ending, u64, u64) {
        self.event(|event| match event {
            Event::Ended(ended) => Some((ended.ending.clone(), ended.sent_bytes, ended.received_bytes)),
            _ => None,
        })
        .await
    }

    async fn denial(&self) -> Denial {
        self.event(|event| match event {
            Event::Denied(denied) => Some(denied.because),
            _ => None,
        })
        .await
    }

    async fn stop(mut self) -> Vec<Event> {
        self.stop.take().expect("stopped once").send(()).expect("the gateway runs");
        (&mut self.running).await.expect("no panic").expect("stopped in order");
        self.events()
    }
}

/// A target that answers each connection in a thread of its own.
fn target(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream.expect("accept")));
        }
    });
    address
}

fn echo(mut stream: TcpStream) {
    let mut reader = stream.try_clone().expect("clone");
    let _ = std::io::copy(&mut reader, &mut stream);
    let _ = stream.shutdown(Shutdown::Write);
}

/// A target that says how many connections ever came.
fn counting() -> (SocketAddr, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let address = target(move |stream| {
        counter.fetch_add(1, Relaxed);
        echo(stream);
    });
    (address, count)
}

/// What an agent sees of a connection that was refused.
async fn is_reset(mut stream: TcpStream) -> bool {
    let outcome = tokio::task::spawn_blocking(move || stream.read(&mut [0; 1])).await.expect("no panic");
    matches!(outcome, Err(error) if error.kind() == ErrorKind::ConnectionReset)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

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
    std::os::unix::fs::symlink("/dev/full", folder.path().join("events.jsonl")).expect("symlink");
    let config = config(&folder, address, "");
    let enforcer = FakeEnforcer::start(&config.enforce.socket, address);
    let gateway = Gateway::new(config).expect("a gateway");
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
async fn one_connection_too_many_is_reset() {
    let scene = Scene::set(target(echo), "max_connections = 1").await;
    let first = scene.dial();
    let _opened = scene.event(|event| matches!(event, Event::Opened(_)).then_some(())).await;
    assert!(is_reset(scene.dial()).await);
    assert_eq!(scene.denial().await, Denial::TooManyConnections);
    drop(first);
}

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

/// A question for the address of a name, as it goes over the wire.
fn question(name: &str) -> Vec<u8> {
    use hickory_proto::op::{Message, MessageType, OpCode, Query};
    use hickory_proto::rr::{Name, RecordType};
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(name).expect("a name"), RecordType::A));
    message.to_vec().expect("bytes")
}

/// The answer's code and the number of addresses in it.
fn answer(bytes: &[u8]) -> (String, usize) {
    let message = hickory_proto::op::Message::from_vec(bytes).expect("an answer");
    (message.metadata.response_code.to_string(), message.answers.len())
}

async fn named_target() -> Scene {
    let address = target(echo);
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(&folder, address, "");
    let hosts = &mut config.targets.get_mut("store").expect("the target").hosts;
    *hosts = vec![gateway_policy::target::TargetHost::parse("localhost").expect("a name")];
    Scene::with(folder, config, address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_own_targets_are_answered_and_all_others_refused() {
    let scene = named_target().await;
    let port = scene.gateway.config.dns.port;
    let ask = move |name: &str| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
        socket.send_to(&question(name), ("127.0.0.1", port)).expect("send");
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).expect("an answer");
        answer(&buffer[..length])
    };
    let (own, other) = blocking(move || (ask("LocalHost."), ask("c2VjcmV0.localhost."))).await;
    assert_eq!(own, ("No Error".into(), 1));
    assert_eq!(other, ("Query Refused".into(), 0));
    let names: Vec<_> = scene
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Asked(asked) => Some((asked.name.expect("a name"), asked.answer)),
            _ => None,
        })
        .collect();
    let expected = [("localhost", AnswerGiven::Addresses), ("c2vjcmv0.localhost", AnswerGiven::Refused)];
    assert_eq!(names, expected.map(|(name, answer)| (name.to_owned(), answer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_of_nobody_is_not_answered() {
    let scene = named_target().await;
    scene.enforcer.know_nobody();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("bind");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("timeout");
    socket.send_to(&question("localhost."), ("127.0.0.1", scene.gateway.config.dns.port)).expect("send");
    assert!(blocking(move || socket.recv(&mut [0; 512])).await.is_err());
    let dropped = scene.event(|event| match event {
        Event::Asked(asked) => Some(asked.answer),
        _ => None,
    });
    assert_eq!(dropped.await, AnswerGiven::Dropped);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_answered_over_tcp_too_however_the_bytes_arrive() {
    let scene = named_target().await;
    scene.enforcer.send_to(SocketAddr::from(([192, 0, 2, 53], 53)));
    let mut agent = scene.dial();
    let answers = blocking(move || {
        agent.set_nodelay(true).expect("nodelay");
        let message = question("localhost.");
        let mut bytes = (message.len() as u16).to_be_bytes().to_vec();
        bytes.extend_from_slice(&message);
        let mut answers = Vec::new();
        for _ in 0..2 {
            for byte in &bytes {
                agent.write_all(&[*byte]).expect("write");
                thread::sleep(Duration::from_millis(1));
            }
            let mut length = [0; 2];
            agent.read_exact(&mut length).expect("a length");
            let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
            agent.read_exact(&mut reply).expect("an answer");
            answers.push(answer(&reply));
        }
        answers
    })
    .await;
    assert_eq!(answers, vec![("No Error".to_owned(), 1); 2]);
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
