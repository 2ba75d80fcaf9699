//! Conversations through the relay, in a protocol of lines that exists here only.

mod ends;
mod flow;
mod lines;
mod tls;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_audit::event::Ending;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use super::wire::Wire;
use super::*;
use lines::{Judged, Lines, Recording};

/// An agent and a target on both sides of a relay.
struct Scene {
    agent: TcpStream,
    target: TcpStream,
    judged: Arc<Mutex<Judged>>,
    cut: Option<oneshot::Sender<Cut>>,
    ended: JoinHandle<Ending>,
}

/// Two ends of one connection.
fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let near = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let (far, _) = listener.accept().expect("accept");
    for end in [&near, &far] {
        end.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket option");
    }
    (near, far)
}

impl Scene {
    fn set(idle: Duration) -> Self {
        let ((agent, near), (far, target)) = (connected(), connected());
        Self::between(agent, target, [near, far].map(Wire::Plain), idle)
    }

    fn between(agent: TcpStream, target: TcpStream, wires: [Wire; 2], idle: Duration) -> Self {
        let judged = Arc::new(Mutex::new(Judged::default()));
        let talk = Talk {
            bell: Arc::default(),
            conversation: Box::new(Lines::default()),
            court: Box::new(Recording(Arc::clone(&judged))),
        };
        let [near, far] = wires.map(Login::without);
        let carriage = Carriage::new(near, far, Freight::Spoken(talk)).expect("a carriage");
        let (cut, until) = oneshot::channel();
        let ended = tokio::spawn(async move {
            let until = async { until.await.expect("the test cuts or waits") };
            Relays::start().expect("relays").carry(carriage, idle, until).await
        });
        Self { agent, target, judged, cut: Some(cut), ended }
    }

    fn judged(&self) -> Vec<String> {
        self.judged.lock().expect("lock").commands.clone()
    }

    fn cut(&mut self, why: Cut) {
        self.cut.take().expect("cut once").send(why).expect("the relay listens");
    }
}

/// Lets an agent and a target act at the same time, away from the event loop.
async fn both<A: Send + 'static, T: Send + 'static>(
    scene: &Scene,
    agent: impl FnOnce(TcpStream) -> A + Send + 'static,
    target: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (A, T) {
    let ends = [&scene.agent, &scene.target].map(|end| end.try_clone().expect("clone"));
    let [mine, its] = ends;
    let (agent, target) = (spawn_blocking(move || agent(mine)), spawn_blocking(move || target(its)));
    (agent.await.expect("no panic"), target.await.expect("no panic"))
}

fn say(mut stream: &TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("written");
}

/// The next line, or nothing at the end.
fn line(stream: &TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while let Ok(1) = (&*stream).read(&mut byte) {
        if byte == *b"\n" {
            break;
        }
        line.extend_from_slice(&byte);
    }
    String::from_utf8(line).expect("text")
}

/// All there is until the end.
fn rest(mut stream: &TcpStream) -> String {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("an end, and no reset");
    rest
}
