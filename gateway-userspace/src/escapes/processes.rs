//! Using a process outside the cgroup as one's hands: its memory, its descriptors, its signals.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use gateway_policy::level::Level;

use super::arena::Arena;
use super::attempt::{Attempt, Bare, Closer, Gap, Need};
use super::outcome::Claim;
use crate::sys::raw::{self, During, Stopped, Traced};

const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];

const SIGNALS: &[Gap] = &[Gap {
    level: Level::Unit,
    before: Some((6, 12)),
    because: "only Landlock keeps signals inside, and only on newer kernels",
}];

/// The one attempt whose bytes are fewer than a token.
pub(super) const SIGNAL: &str = "signal-outsider";

pub(super) const ATTEMPTS: &[Attempt] = &[
    outsider("ptrace-attach", "traces an outsider and writes to its memory", |arena| {
        Traced::attach(arena.outsider.pid)?.poke(arena.outsider.outbox, arena.bytes()).map(|()| Claim::Sent)
    }),
    outsider("ptrace-seize", "seizes an outsider and writes to its memory", |arena| {
        Traced::seize(arena.outsider.pid)?.poke(arena.outsider.outbox, arena.bytes()).map(|()| Claim::Sent)
    }),
    outsider("process-vm-write", "writes to an outsider's memory", |arena| {
        raw::process_write(arena.outsider.pid, arena.outsider.outbox, arena.bytes()).map(|()| Claim::Sent)
    }),
    outsider("process-vm-read", "reads an outsider's memory", |arena| {
        let bytes = raw::process_read(arena.outsider.pid, arena.outsider.secret, arena.outsider.secret_len)?;
        Ok(Claim::Obtained(String::from_utf8_lossy(&bytes).into_owned()))
    }),
    outsider("proc-mem-write", "writes to an outsider's /proc/PID/mem", |arena| {
        let memory = OpenOptions::new().write(true).open(memory_of(arena)).during("open")?;
        memory.write_all_at(arena.bytes(), arena.outsider.outbox).during("write").map(|()| Claim::Sent)
    }),
    outsider("proc-mem-read", "reads an outsider's /proc/PID/mem", |arena| {
        let memory = File::open(memory_of(arena)).during("open")?;
        let mut bytes = vec![0; arena.outsider.secret_len];
        memory.read_exact_at(&mut bytes, arena.outsider.secret).during("read")?;
        Ok(Claim::Obtained(String::from_utf8_lossy(&bytes).into_owned()))
    }),
    outsider("pidfd-getfd", "takes a connected socket out of an outsider", |arena| {
        let process = raw::open_by_pid(arena.outsider.pid)?;
        arena.deliver(raw::pidfd_getfd(process, arena.outsider.socket)?)
    }),
    Attempt::escape(
        "proc-fd-reopen",
        "opens an outsider's socket through /proc/PID/fd",
        &[Closer::Kernel],
        |arena| write_to(&format!("/proc/{}/fd/{}", arena.outsider.pid, arena.outsider.socket), arena),
    )
    .bare(Bare::Nobody),
    Attempt::escape(
        "own-fd-reopen",
        "opens an inherited socket anew through /proc/self/fd",
        &[Closer::Kernel],
        |arena| {
            let number = arena.inherited.values().next().copied().unwrap_or(-1);
            write_to(&format!("/proc/self/fd/{number}"), arena)
        },
    )
    .bare(Bare::Nobody)
    .needs(&[Need::Inherited(super::attempt::Legacy::TcpConnected)]),
    Attempt::escape(SIGNAL, "signals an outsider, with a number in the signal", BY_TASK, |arena| {
        raw::signal_value(arena.outsider.pid, signal_value(&arena.token)).map(|()| Claim::Sent)
    })
    .gaps(SIGNALS),
    Attempt::residual("fifo-to-outsider", "writes to a named pipe that an outsider reads", |arena| {
        let mut options = OpenOptions::new();
        let mut pipe =
            options.write(true).custom_flags(libc::O_NONBLOCK).open(&arena.outsider.fifo).during("open")?;
        pipe.write_all(arena.bytes()).during("write").map(|()| Claim::Sent)
    }),
    Attempt {
        closed_by: &[Closer::Unit],
        ..Attempt::residual("user-keyring", "leaves data in the keyring of its user", |arena| {
            raw::keyring_add(&arena.token, arena.bytes())?;
            Claim::created("a key that other processes of the user can read")
        })
    },
    Attempt::must_work("trace-own-child", "traces a process that it started itself", |_| trace_own_child())
        .needs(&[Need::Unconfined]),
];

/// Yama and other settings may already hold an ordinary user off; root gets through where nothing is enforced.
const fn outsider(
    name: &'static str,
    vector: &'static str,
    run: fn(&Arena) -> Result<Claim, Stopped>,
) -> Attempt {
    Attempt::escape(name, vector, BY_TASK, run).bare(Bare::SomeHosts)
}

/// As much of the token as fits into a signal: the outsider tells the world which number it got.
pub(super) fn signal_value(token: &str) -> usize {
    token.get(3..15).and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

fn memory_of(arena: &Arena) -> String {
    format!("/proc/{}/mem", arena.outsider.pid)
}

fn write_to(path: &str, arena: &Arena) -> Result<Claim, Stopped> {
    let mut file = OpenOptions::new().write(true).open(path).during("open")?;
    file.write_all(arena.bytes()).during("write").map(|()| Claim::Sent)
}

/// A debugger is an ordinary tool: an agent may look into what it started itself.
fn trace_own_child() -> Result<Claim, Stopped> {
    let mut child = std::process::Command::new("/bin/sleep").arg("5").spawn().during("exec")?;
    let traced = Traced::attach(i32::try_from(child.id()).unwrap_or_default()).map(drop);
    child.kill().during("kill")?;
    child.wait().during("wait")?;
    traced.map(|()| Claim::Worked)
}
