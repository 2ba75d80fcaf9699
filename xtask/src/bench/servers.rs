//! Targets: servers on loopback, in threads of this process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;

/// What is sent for each request of an exchange, and what comes back.
pub(super) const REQUEST: usize = 100;
pub(super) const RESPONSE: usize = 200;
const CHUNK: usize = 256 * 1024;

/// Sends one byte to whoever comes, and hangs up.
pub(super) fn greeter() -> Result<SocketAddr> {
    serve(|mut peer| {
        let _ = peer.write_all(b"!");
    })
}

/// Hangs up on whoever comes.
pub(super) fn closer() -> Result<SocketAddr> {
    serve(drop)
}

/// Answers each request of a conversation.
pub(super) fn answerer() -> Result<SocketAddr> {
    serve(|peer| {
        thread::spawn(move || answer(peer));
    })
}

/// Sends without end.
pub(super) fn source() -> Result<SocketAddr> {
    serve(|mut peer| {
        thread::spawn(move || {
            let chunk = vec![7; CHUNK];
            while peer.write_all(&chunk).is_ok() {}
        });
    })
}

/// Keeps every connection open, and says how many there are.
pub(super) fn keeper() -> Result<(SocketAddr, Arc<Mutex<Vec<TcpStream>>>)> {
    let kept: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let address = serve(move |peer| keep.lock().unwrap_or_else(PoisonError::into_inner).push(peer))?;
    Ok((address, kept))
}

fn answer(mut peer: TcpStream) {
    let _ = peer.set_nodelay(true);
    let mut request = [0; REQUEST];
    while peer.read_exact(&mut request).is_ok() && peer.write_all(&[0; RESPONSE]).is_ok() {}
}

fn serve(mut meet: impl FnMut(TcpStream) + Send + 'static) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::Builder::new().name("target".into()).spawn(move || {
        for peer in listener.incoming().flatten() {
            meet(peer);
        }
    })?;
    Ok(address)
}
