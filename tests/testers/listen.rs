//! `listen ADDRESS [--reuse-port]`: prints where it listens, then echoes to whoever comes until its input ends.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result, bail};
use nix::sys::socket::{Backlog, SockFlag, listen, setsockopt, sockopt};

use crate::tcp;

pub(crate) fn run(args: &[String]) -> Result<()> {
    let [address, options @ ..] = args else { bail!("listen ADDRESS") };
    let address = address.parse().context("no address")?;
    let listener = match options {
        [] => TcpListener::bind(address)?,
        [option] if option == "--reuse-port" => shared(address)?,
        unknown => bail!("no options {unknown:?}"),
    };
    println!("{}", listener.local_addr()?);
    thread::spawn(move || {
        listener.incoming().flatten().for_each(|stream| drop(thread::spawn(|| echo(stream))))
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A listener of the kind that several workers have at one port.
fn shared(address: SocketAddr) -> Result<TcpListener> {
    let fd = tcp::stream(address, SockFlag::empty())?;
    setsockopt(&fd, sockopt::ReusePort, &true)?;
    tcp::bind(&fd, address)?;
    listen(&fd, Backlog::new(16)?)?;
    Ok(TcpListener::from(fd))
}

fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
            return;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
}
