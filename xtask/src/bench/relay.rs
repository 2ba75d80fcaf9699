//! The simplest relay there is: two threads for a connection, each with a blocking read. What a relay could do at best.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

const BUFFER: usize = 64 * 1024;

/// Relays for ever.
pub(super) fn serve(listen: SocketAddr, to: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen)?;
    loop {
        let (near, _) = listener.accept()?;
        let far = TcpStream::connect(to)?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let back = (far.try_clone()?, near.try_clone()?);
        thread::spawn(move || copy(near, far));
        thread::spawn(move || copy(back.0, back.1));
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(buffer.get(..read).unwrap_or_default()).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
