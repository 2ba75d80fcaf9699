//! Demands refusals. That a program was loaded and attached says nothing about whether the kernel asks it, so a child
//! in a scratch cgroup tries what must not work, and the level is what was really refused to it.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd as _, RawFd},
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use aya::maps::lpm_trie::Key;
use gateway_policy::level::Level;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockProtocol, SockType};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{maps::Told, roster};
use crate::sys::{self, bpf};

const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug, Error)]
pub enum CanaryError {
    #[error("cannot set up the canary's {what}")]
    SetUp { what: &'static str, source: io::Error },
    #[error("the kernel did not recognise the canary's cgroup by itself")]
    NotRecognised,
    #[error("the canary gave no answer: {0}")]
    Silent(String),
    #[error("the kernel took the programs but does not enforce them: the canary was not refused {}", .0.join(", "))]
    NotEnforced(Vec<&'static str>),
}

/// What the canary is to try; handed to it on its command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Lures {
    #[arg(long)]
    tcp: SocketAddr,
    #[arg(long)]
    udp: SocketAddr,
    /// Name of an abstract unix socket of an outsider
    #[arg(long)]
    outsider: String,
    /// Descriptor of a connected socket that an outsider made
    #[arg(long)]
    inherited: RawFd,
    /// A cgroup.procs outside the canary's cgroup
    #[arg(long)]
    elsewhere: PathBuf,
}

/// True where the attempt was refused.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Refused {
    datagram: bool,
    raw_socket: bool,
    packet_socket: bool,
    unix_socket: bool,
    inherited_socket: bool,
    bpf: bool,
    leaving: bool,
}

/// What the canary proved.
#[derive(Clone, Debug)]
pub struct Finding {
    pub level: Level,
    /// What stands open for want of the second layer.
    pub open: Vec<&'static str>,
}

/// Sends the canary in.
pub fn send(told: &mut Told, root: &Path) -> Result<Finding, CanaryError> {
    let name = format!("postern-canary-{}", std::process::id());
    let scratch = Scratch::make(told, root, &name)?;
    let lures = Baits::lay(&name, root)?;
    let refused = lures.watch_child(&scratch)?;
    judge(refused, lures.tcp_was_reached())
}

fn judge(refused: Refused, tcp_reached: bool) -> Result<Finding, CanaryError> {
    let first = [
        ("a TCP connection", !tcp_reached),
        ("a datagram", refused.datagram),
        ("a raw socket", refused.raw_socket),
    ];
    let missed: Vec<&str> = first.into_iter().filter(|(_, refused)| !refused).map(|(what, _)| what).collect();
    if !missed.is_empty() {
        return Err(CanaryError::NotEnforced(missed));
    }
    let second = [
        ("packet sockets", refused.packet_socket),
        ("unix sockets of outsiders", refused.unix_socket),
        ("inherited sockets", refused.inherited_socket),
        ("bpf()", refused.bpf),
        ("leaving the cgroup", refused.leaving),
    ];
    let open: Vec<&str> = second.into_iter().filter(|(_, refused)| !refused).map(|(what, _)| what).collect();
    Ok(Finding { level: if open.is_empty() { Level::Full } else { Level::Cgroup }, open })
}

/// The canary's own part: tries everything and says what was refused.
pub fn sing(lures: &Lures) -> io::Result<Refused> {
    // The go-ahead comes when this process is in its cgroup.
    io::stdin().read_exact(&mut [0])?;
    let mut inherited = UnixStream::from(sys::owned(lures.inherited));
    // Whether this reached anybody is for the one who listens to say.
    let _ =
        TcpStream::connect_timeout(&lures.tcp, PATIENCE).and_then(|mut stream| stream.write_all(b"canary"));
    let outsider = UnixAddr::from_abstract_name(&lures.outsider)?;
    Ok(Refused {
        datagram: refused(
            &UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"canary", lures.udp)),
        ),
        raw_socket: creation_refused(AddressFamily::Inet, SockType::Raw, SockProtocol::Icmp),
        packet_socket: creation_refused(AddressFamily::Packet, SockType::Raw, SockProtocol::EthAll),
        unix_socket: refused(&UnixStream::connect_addr(&outsider)),
        inherited_socket: refused(&inherited.write_all(b"canary")),
        bpf: refused(&bpf::next_program()),
        leaving: refused(&fs::OpenOptions::new().write(true).open(&lures.elsewhere)),
    })
}

/// Failing for another reason is not being refused.
fn refused<T>(attempt: &io::Result<T>) -> bool {
    attempt.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

fn creation_refused(family: AddressFamily, kind: SockType, protocol: SockProtocol) -> bool {
    refused(&socket::socket(family, kind, SockFlag::empty(), protocol).map_err(io::Error::from))
}

/// A cgroup that only the canary is ever in.
struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    fn make(told: &mut Told, root: &Path, name: &str) -> Result<Self, CanaryError> {
        let (text, bits, watch) = roster::canary_pattern(name).ok_or(CanaryError::NotRecognised)?;
        let key = Key::new(bits, text);
        let dir = root.join(name);
        told.patterns.insert(&key, watch, 0).map_err(|error| set_up("pattern", io::Error::other(error)))?;
        let made = fs::create_dir(&dir).map_err(|error| set_up("cgroup", error));
        let forgotten =
            told.patterns.remove(&key).map_err(|error| set_up("pattern", io::Error::other(error)));
        made?;
        let scratch = Self { dir };
        forgotten?;
        let id = fs::metadata(&scratch.dir).map_err(|error| set_up("cgroup", error))?;
        let known = told.watched.get(&std::os::unix::fs::MetadataExt::ino(&id), 0).ok();
        if known == Some(watch) { Ok(scratch) } else { Err(CanaryError::NotRecognised) }
    }

    fn take_in(&self, child: &Child) -> io::Result<()> {
        fs::write(self.dir.join("cgroup.procs"), child.id().to_string())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A process that has just ended may hold the directory for a moment.
        for _ in 0..50 {
            if fs::remove_dir(&self.dir).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        tracing::warn!(cgroup = %self.dir.display(), "cannot remove the canary's cgroup");
    }
}

/// What an outsider holds out to the canary.
struct Baits {
    tcp: TcpListener,
    /// Both ends of the socket that the canary inherits: with the far end gone its write would fail by itself.
    _held: (UnixStream, UnixStream),
    _udp: UdpSocket,
    _outsider: UnixListener,
    lures: Lures,
}

impl Baits {
    fn lay(name: &str, root: &Path) -> Result<Self, CanaryError> {
        Self::try_lay(name, root).map_err(|error| set_up("sockets", error))
    }

    fn try_lay(name: &str, root: &Path) -> io::Result<Self> {
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        tcp.set_nonblocking(true)?;
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let outsider = UnixListener::bind_addr(&UnixAddr::from_abstract_name(name)?)?;
        let held = UnixStream::pair()?;
        fcntl(&held.0, FcntlArg::F_SETFD(FdFlag::empty()))?;
        let lures = Lures {
            tcp: tcp.local_addr()?,
            udp: udp.local_addr()?,
            outsider: name.to_owned(),
            inherited: held.0.as_raw_fd(),
            elsewhere: root.join("cgroup.procs"),
        };
        Ok(Self { tcp, _held: held, _udp: udp, _outsider: outsider, lures })
    }

    fn watch_child(&self, scratch: &Scratch) -> Result<Refused, CanaryError> {
        let mut child = self.spawn().map_err(|error| set_up("process", error))?;
        // Whatever happens now, the child is waited for; without the go-ahead it ends at the end of its input.
        let started = scratch.take_in(&child).and_then(|()| match child.stdin.take() {
            Some(mut stdin) => stdin.write_all(&[1]),
            None => Ok(()),
        });
        let answer = child.wait_with_output().map_err(|error| set_up("process", error))?;
        started.map_err(|error| set_up("cgroup", error))?;
        serde_json::from_slice(&answer.stdout)
            .map_err(|_| CanaryError::Silent(String::from_utf8_lossy(&answer.stderr).trim().to_owned()))
    }

    fn spawn(&self) -> io::Result<Child> {
        let lures = &self.lures;
        Command::new(std::env::current_exe()?)
            .arg("canary")
            .args([
                "--tcp",
                &lures.tcp.to_string(),
                "--udp",
                &lures.udp.to_string(),
                "--outsider",
                &lures.outsider,
            ])
            .args(["--inherited", &lures.inherited.to_string(), "--elsewhere"])
            .arg(&lures.elsewhere)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// The kernel finishes a loopback handshake before `connect` returns, so whoever came is in the queue by now.
    fn tcp_was_reached(&self) -> bool {
        self.tcp.accept().is_ok()
    }
}

fn set_up(what: &'static str, source: io::Error) -> CanaryError {
    CanaryError::SetUp { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Refused = Refused {
        datagram: true,
        raw_socket: true,
        packet_socket: true,
        unix_socket: true,
        inherited_socket: true,
        bpf: true,
        leaving: true,
    };

    #[test]
    fn full_means_that_everything_was_refused() {
        assert_eq!(judge(ALL, false).unwrap().level, Level::Full);
    }

    #[test]
    fn one_thing_not_refused_lowers_the_level_and_is_named() {
        let finding = judge(Refused { unix_socket: false, ..ALL }, false).unwrap();
        assert_eq!(finding.level, Level::Cgroup);
        assert_eq!(finding.open, ["unix sockets of outsiders"]);
    }

    #[test]
    fn a_first_layer_that_does_not_refuse_is_no_level_at_all() {
        assert!(matches!(judge(ALL, true), Err(CanaryError::NotEnforced(_))));
        let datagram = Refused { datagram: false, ..ALL };
        assert!(matches!(judge(datagram, false), Err(CanaryError::NotEnforced(_))));
    }
}
