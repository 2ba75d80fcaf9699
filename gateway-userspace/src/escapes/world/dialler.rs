//! Somebody outside who dials the agent again and again, and notes what the agent says.

use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;

use super::ledger::Ledger;
use super::link::{self, Link};
use crate::escapes::attempt::Dial;

const PAUSE: Duration = Duration::from_millis(30);
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(in crate::escapes) struct Dialler {
    enough: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Dialler {
    pub(super) fn start(
        link: &Link,
        how: Dial,
        port: u16,
        secret: String,
        ledger: Arc<Ledger>,
    ) -> anyhow::Result<Self> {
        let namespace = link.namespace().try_clone().context("cannot hold the namespace")?;
        let host: IpAddr = match how {
            Dial::Tcp4 | Dial::Udp4 => link.host().v4.into(),
            Dial::Tcp6 => link.host().v6.into(),
        };
        let enough = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&enough);
        let thread = std::thread::Builder::new().name("dialler".into()).spawn(move || {
            let dialled = link::within(&namespace, || {
                while !until.load(Ordering::Relaxed) {
                    dial_once(how, SocketAddr::new(host, port), &secret, &ledger);
                    std::thread::sleep(PAUSE);
                }
                Ok(())
            });
            if let Err(error) = dialled {
                tracing::error!("nobody could dial from outside: {error:#}");
            }
        })?;
        Ok(Self { enough, thread: Some(thread) })
    }
}

impl Drop for Dialler {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that dials from outside panicked");
        }
    }
}

/// Most calls find nobody: the agent does not listen yet, or not any more, or may not.
fn dial_once(how: Dial, to: SocketAddr, secret: &str, ledger: &Ledger) {
    let heard = match how {
        Dial::Tcp4 | Dial::Tcp6 => hear(to),
        Dial::Udp4 => UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.send_to(secret.as_bytes(), to)?;
            Ok(Vec::new())
        }),
    };
    if let Ok(bytes) = heard {
        ledger.record("whoever dialled from outside", &bytes);
    }
}

fn hear(from: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&from, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = vec![0; 64];
    let got = stream.read(&mut bytes)?;
    bytes.truncate(got);
    Ok(bytes)
}
