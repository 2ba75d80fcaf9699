//! Stands in for the gateway on its port, and does no more than its measurement needs.

use std::io::{IoSlice, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, bail};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, sendmsg, socket,
};

/// A listener on the gateway's port.
pub(super) struct Gate {
    port: u16,
    closing: Arc<AtomicBool>,
    keeper: Option<JoinHandle<Result<()>>>,
}

impl Gate {
    /// One that accepts and hangs up.
    pub(super) fn idle(port: u16) -> Result<Self> {
        Self::open(port, |_| Ok(()))
    }

    /// One that asks the enforcer whose the connection is, and greets if it is an agent's.
    pub(super) fn asking(port: u16, enforcer: &Path) -> Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let asked = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
        connect(asked.as_raw_fd(), &UnixAddr::new(enforcer)?).context("cannot reach the enforcer")?;
        Self::open(port, move |mut peer| {
            whose(&asked, &peer)?;
            Ok(peer.write_all(b"!")?)
        })
    }

    fn open(port: u16, meet: impl Fn(TcpStream) -> Result<()> + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).context("cannot stand in for the gateway")?;
        let closing = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&closing);
        let keeper = thread::spawn(move || {
            for peer in listener.incoming() {
                if told.load(Relaxed) {
                    break;
                }
                meet(peer?)?;
            }
            Ok(())
        });
        Ok(Self { port, closing, keeper: Some(keeper) })
    }

    pub(super) fn close(mut self) -> Result<()> {
        self.closing.store(true, Relaxed);
        // The last caller, so that it notices.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        match self.keeper.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            _ => bail!("the stand-in for the gateway died"),
        }
    }
}

fn whose(enforcer: &OwnedFd, peer: &TcpStream) -> Result<()> {
    let fds = [peer.as_raw_fd()];
    let question = [IoSlice::new(br#""whose""#)];
    sendmsg::<()>(
        enforcer.as_raw_fd(),
        &question,
        &[ControlMessage::ScmRights(&fds)],
        MsgFlags::empty(),
        None,
    )?;
    let mut answer = [0; 4096];
    let length = recv(enforcer.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    let answer = answer.get(..length).unwrap_or_default();
    // Not taken apart: this program may be built without optimisation, and its work would count.
    if !answer.starts_with(br#"{"connection":{"#) {
        bail!("the enforcer does not know an agent's connection: {}", String::from_utf8_lossy(answer));
    }
    Ok(())
}
