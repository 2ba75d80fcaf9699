//! A process of the agent's user that is no agent: the one to be traced, written to, robbed and signalled.
//!
//! Whatever appears in its outbox it sends to the world, so that a success is seen there and not merely claimed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::Context;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use serde::{Deserialize, Serialize};

use super::arena;
use super::child::become_user;
use crate::sys::raw;

/// What it is told, as one line of JSON on its standard input, which stays open as long as it is wanted.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Briefing {
    pub(super) user: Option<u32>,
    /// An inherited datagram socket, connected to the world.
    pub(super) socket: RawFd,
    pub(super) fifo: PathBuf,
    pub(super) secret: String,
}

/// How the number in a signal is told to the world.
pub(super) fn signal_text(value: usize) -> String {
    format!("signal-{value:012x}")
}

/// As many bytes as a token has, with room for a tracer that writes whole words.
type Outbox = [AtomicU8; 64];

/// Prints where it can be attacked, then waits for that until its standard input ends.
pub fn stand_by() -> anyhow::Result<ExitCode> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).context("cannot read the briefing")?;
    let briefing: Briefing = serde_json::from_str(&line).context("cannot read the briefing")?;
    SigSet::from(Signal::SIGUSR1).thread_block().context("cannot hold back a signal")?;
    if let Some(user) = briefing.user {
        become_user(user).context("cannot become an ordinary user")?;
    }
    let outbox: Box<Outbox> = Box::new([const { AtomicU8::new(0) }; 64]);
    println!("{}", serde_json::to_string(&describe(&briefing, &outbox))?);
    io::stdout().flush()?;
    let socket = raw::adopt(briefing.socket).context("no socket was left open")?;
    let fifo = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&briefing.fifo);
    serve(&outbox, &socket, fifo.context("cannot open the pipe")?)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(briefing: &Briefing, outbox: &Outbox) -> arena::Outsider {
    arena::Outsider {
        pid: nix::unistd::getpid().as_raw(),
        outbox: outbox.as_ptr().expose_provenance() as u64,
        secret: briefing.secret.as_ptr().expose_provenance() as u64,
        secret_len: briefing.secret.len(),
        socket: briefing.socket,
        fifo: briefing.fifo.clone(),
    }
}

fn serve(outbox: &Outbox, socket: &OwnedFd, mut fifo: File) -> anyhow::Result<()> {
    let mut piped = [0; 256];
    while wanted()? {
        if let Some(value) = raw::wait_signal_value(Duration::from_millis(10)) {
            raw::send(socket, signal_text(value).as_bytes())?;
        }
        if outbox.iter().any(|byte| byte.load(Ordering::Relaxed) != 0) {
            // Whoever writes may not have finished.
            std::thread::sleep(Duration::from_millis(5));
            let found: Vec<u8> = outbox.iter().map(|byte| byte.swap(0, Ordering::Relaxed)).collect();
            raw::send(socket, &found)?;
        }
        // Nothing to read, and nobody at the other end, look alike here: zero bytes or an error.
        let got = fifo.read(&mut piped).unwrap_or_default();
        if let Some(bytes) = piped.get(..got).filter(|bytes| !bytes.is_empty()) {
            raw::send(socket, bytes)?;
        }
    }
    Ok(())
}

/// Whoever started us holds our standard input open.
fn wanted() -> anyhow::Result<bool> {
    let input = io::stdin();
    let mut waiting = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    Ok(poll(&mut waiting, PollTimeout::ZERO)? == 0)
}
