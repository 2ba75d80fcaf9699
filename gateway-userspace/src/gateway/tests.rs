//! The whole path on this host's loopback, with an enforcer that answers what a test wants.

mod carrying;
mod ending;
mod enforcer;
mod names;
mod refusing;
mod reloading;
mod status;
mod stopping;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use gateway_audit::event::{AnswerGiven, Denial, Ending};
use gateway_audit::reader;
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
        authority = "{folder}/authority"
        trust = "{folder}/trust"
        state = "{folder}/state"
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

    /// What was recorded, but for what records say of themselves.
    fn events(&self) -> Vec<Event> {
        let records = reader::everything(self.folder.path()).expect("records");
        let about_itself =
            |event: &Event| matches!(event, Event::FileBegan(_) | Event::Checkpoint(_) | Event::Packed(_));
        records.into_iter().map(|record| record.event).filter(|event| !about_itself(event)).collect()
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

/// What an agent sees of a connection that was refused. One that is neither reset nor served must not hang the test.
async fn is_reset(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket option");
    let outcome = tokio::task::spawn_blocking(move || stream.read(&mut [0; 1])).await.expect("no panic");
    matches!(outcome, Err(error) if error.kind() == ErrorKind::ConnectionReset)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}
