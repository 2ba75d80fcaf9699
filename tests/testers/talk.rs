//! `talk ADDRESS TEXT [--nonblocking] [--from ADDRESS] [--until-served]`: prints `PEER heard TEXT`, where PEER is what
//! the kernel calls the other side, or one word for what went wrong.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{SockFlag, getsockopt, sockopt};

use crate::{outcome, tcp};

/// For as long as nobody serves the network namespace.
const RETRIES: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct How {
    nonblocking: bool,
    from: Option<SocketAddr>,
    until_served: bool,
}

pub(crate) fn run(args: &[String]) -> Result<()> {
    let [address, text, options @ ..] = args else { bail!("talk ADDRESS TEXT") };
    let address: SocketAddr = address.parse().context("no address")?;
    let how = parse(options)?;
    let start = Instant::now();
    loop {
        let said = attempt(address, text, &how);
        let again = how.until_served && said.as_ref().is_err_and(refused_by_kernel);
        if again && start.elapsed() < RETRIES {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        println!("{}", said.unwrap_or_else(|error| outcome::word(&error)));
        return Ok(());
    }
}

fn parse(options: &[String]) -> Result<How> {
    let mut how = How::default();
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match option.as_str() {
            "--nonblocking" => how.nonblocking = true,
            "--from" => how.from = Some(options.next().context("--from needs an address")?.parse()?),
            "--until-served" => how.until_served = true,
            unknown => bail!("no option {unknown}"),
        }
    }
    Ok(how)
}

fn refused_by_kernel(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn attempt(address: SocketAddr, text: &str, how: &How) -> io::Result<String> {
    let mut stream = TcpStream::from(connected(address, how)?);
    let peer = stream.peer_addr()?;
    let heard = outcome::converse(&mut stream, text)?;
    Ok(format!("{peer} heard {heard}"))
}

fn connected(address: SocketAddr, how: &How) -> io::Result<OwnedFd> {
    let flags = if how.nonblocking { SockFlag::SOCK_NONBLOCK } else { SockFlag::empty() };
    let fd = tcp::stream(address, flags)?;
    if let Some(from) = how.from {
        tcp::bind(&fd, from)?;
    }
    match tcp::connect(&fd, address) {
        Err(Errno::EINPROGRESS) => finish(&fd)?,
        other => other?,
    }
    if how.nonblocking {
        let stream = TcpStream::from(fd);
        stream.set_nonblocking(false)?;
        return Ok(stream.into());
    }
    Ok(fd)
}

/// The second half of a connect that did not wait.
fn finish(fd: &OwnedFd) -> io::Result<()> {
    poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE)?;
    match getsockopt(fd, sockopt::SocketError)? {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}
