//! `pipe ADDRESS`: a connection whose bytes come from its standard input and go to its standard output. Whoever holds
//! the other ends decides what is said, and whether anybody reads.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::thread;

use anyhow::{Context, Result, bail};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let [address] = args else { bail!("pipe ADDRESS") };
    let stream = TcpStream::connect(address).context("cannot connect")?;
    stream.set_nodelay(true)?;
    let (mut from, mut to) = (stream.try_clone()?, stream);
    thread::spawn(move || {
        let sent = io::copy(&mut io::stdin(), &mut to);
        // The end of what the test sends is the end of that direction.
        let _ = sent.and_then(|_| to.shutdown(Shutdown::Write));
    });
    // Not through `Stdout`, which keeps back what is no whole line, and not by `io::copy`, which splices: a spliced pipe
    // can be ready with nothing to read. A reset ends it as a close does.
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        output.write_all(buffer.get(..count).unwrap_or_default())?;
    }
    Ok(())
}
