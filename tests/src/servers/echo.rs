//! Echoes every byte, and knows who came.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

use crate::host;

/// Listens on one port of both loopback addresses.
#[derive(Debug)]
pub struct Echo {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    visitors: AtomicUsize,
    bytes: AtomicUsize,
    closed: AtomicBool,
}

impl Echo {
    pub fn start() -> Result<Self> {
        Self::on(host::free_port()?)
    }

    pub fn on(port: u16) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let listener = TcpListener::bind((ip, port))?;
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &shared));
        }
        Ok(Self { port, shared })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn v4(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub fn v6(&self) -> SocketAddr {
        (Ipv6Addr::LOCALHOST, self.port).into()
    }

    /// Connections that arrived.
    pub fn visitors(&self) -> usize {
        self.shared.visitors.load(Ordering::SeqCst)
    }

    /// Bytes that arrived.
    pub fn bytes(&self) -> usize {
        self.shared.bytes.load(Ordering::SeqCst)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Wakes the threads that wait for visitors.
        for address in [self.v4(), self.v6()] {
            let _ = TcpStream::connect(address);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        shared.visitors.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        thread::spawn(move || echo(stream, &shared));
    }
}

/// Until the other side has said all; then it is told that this was all from here, too.
fn echo(mut stream: TcpStream, shared: &Shared) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        shared.bytes.fetch_add(length, Ordering::SeqCst);
        if stream.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
            return;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
}
