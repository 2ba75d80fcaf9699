//! `local PATH|@NAME`: serves and asks itself over a unix socket at that path or abstract name; prints what was heard.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use anyhow::{Result, bail};

use crate::outcome;

pub(crate) fn run(args: &[String]) -> Result<()> {
    let [place] = args else { bail!("local PATH|@NAME") };
    let address = match place.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(place)?,
    };
    println!("{}", round(&address).unwrap_or_else(|error| outcome::word(&error)));
    Ok(())
}

/// There and back, so that both ends are used in both directions.
fn round(address: &SocketAddr) -> std::io::Result<String> {
    let listener = UnixListener::bind_addr(address)?;
    let mut asking = UnixStream::connect_addr(address)?;
    let (mut serving, _) = listener.accept()?;
    asking.write_all(b"there")?;
    asking.shutdown(Shutdown::Write)?;
    let mut heard = String::new();
    serving.read_to_string(&mut heard)?;
    serving.write_all(b" and back")?;
    drop(serving);
    asking.read_to_string(&mut heard)?;
    Ok(heard)
}
