//! A network namespace of our own, joined to the host by a veth pair. It vanishes with its last descriptor.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use nix::sched::{CloneFlags, setns, unshare};

use super::Neighbour;
use crate::report::WithHelp;

const WORLD_DEVICE: &str = "world";

#[derive(Debug)]
pub(super) struct Link {
    namespace: File,
    device: String,
    device_index: u32,
    host: Neighbour,
    world: Neighbour,
}

impl Link {
    pub(super) fn make() -> anyhow::Result<Self> {
        let namespace = new_namespace().help(
            "run as root, with CAP_NET_ADMIN and CAP_SYS_ADMIN; in a container that means a privileged one",
        )?;
        let number = free_number()?;
        let (host, world) = (side(number, 1), side(number, 2));
        let device = format!("pbypass{number}");
        let namespace_path = format!("/proc/{}/fd/{}", std::process::id(), namespace.as_raw_fd());
        ip(&format!("link add {device} type veth peer name {WORLD_DEVICE} netns {namespace_path}\n"))?;
        let mut link = Self { namespace, device, device_index: 0, host, world };
        link.configure()?;
        let index = std::fs::read_to_string(format!("/sys/class/net/{}/ifindex", link.device));
        link.device_index = index.context("the new device has no number")?.trim().parse()?;
        Ok(link)
    }

    fn configure(&self) -> anyhow::Result<()> {
        bring_up(&self.device, self.host)?;
        self.within(|| {
            ip("link set lo up\n")?;
            // The world takes data with the first packet, cookie or not: that is the worst it can do to us.
            std::fs::write("/proc/sys/net/ipv4/tcp_fastopen", "515").context("cannot allow fast open")?;
            bring_up(WORLD_DEVICE, self.world)
        })
    }

    /// Does something inside the namespace. Sockets made there stay there; the calling thread does not go.
    pub(super) fn within<T: Send>(
        &self,
        act: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        within(&self.namespace, act)
    }

    pub(super) fn namespace(&self) -> &File {
        &self.namespace
    }

    pub(super) fn device(&self) -> &str {
        &self.device
    }

    pub(super) fn device_index(&self) -> u32 {
        self.device_index
    }

    pub(super) fn host(&self) -> Neighbour {
        self.host
    }

    pub(super) fn world(&self) -> Neighbour {
        self.world
    }
}

impl Drop for Link {
    /// The namespace takes its end of the pair along, but only when the kernel gets round to it.
    fn drop(&mut self) {
        if let Err(error) = ip(&format!("link del {}\n", self.device)) {
            tracing::warn!("cannot remove the device {}: {error:#}", self.device);
        }
    }
}

/// As `Link::within`, for who holds the namespace alone.
pub(super) fn within<T: Send>(
    namespace: &File,
    act: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    std::thread::scope(|threads| {
        let inside = threads.spawn(|| {
            setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET)
                .context("cannot enter the world's namespace")?;
            act()
        });
        inside.join().unwrap_or_else(|_| bail!("the thread inside the namespace panicked"))
    })
}

fn new_namespace() -> anyhow::Result<File> {
    let made = std::thread::spawn(|| -> anyhow::Result<File> {
        unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
        File::open("/proc/thread-self/ns/net").context("cannot hold the new network namespace")
    });
    made.join().unwrap_or_else(|_| bail!("the thread that made the namespace panicked"))
}

/// Which of the sixty-four little networks of 198.51.100.0/24 (RFC 5737) nobody uses at the moment.
fn free_number() -> anyhow::Result<u8> {
    let start = u8::try_from(std::process::id() % 64)?;
    let taken = |number: &u8| UdpSocket::bind((side(*number, 1).v4, 0)).is_ok();
    (0..64_u8)
        .map(|step| (start + step) % 64)
        .find(|number| !taken(number))
        .context("all of 198.51.100.0/24 is in use on this host")
}

/// One end of the link with this number. IPv6 addresses are from 2001:db8::/32 (RFC 3849).
fn side(number: u8, end: u8) -> Neighbour {
    let (network, end16) = (u16::from(number), u16::from(end));
    Neighbour {
        v4: Ipv4Addr::new(198, 51, 100, number * 4 + end),
        v6: Ipv6Addr::new(0x2001, 0xdb8, 0x7073, network, 0, 0, 0, end16),
        link_local: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x7073, end16),
    }
}

fn bring_up(device: &str, side: Neighbour) -> anyhow::Result<()> {
    // A host without IPv6 has no such file; the attempts over IPv6 will then say so themselves.
    for (setting, value) in [("disable_ipv6", "0"), ("accept_dad", "0")] {
        if let Err(error) = std::fs::write(format!("/proc/sys/net/ipv6/conf/{device}/{setting}"), value) {
            tracing::debug!("cannot set {setting} of {device}: {error}");
        }
    }
    ip(&format!(
        "link set {device} up\n\
         addr add {}/30 broadcast + dev {device}\n\
         addr add {}/64 dev {device} nodad\n\
         addr add {}/64 dev {device} nodad\n",
        side.v4, side.v6, side.link_local
    ))
}

fn ip(batch: &str) -> anyhow::Result<()> {
    let mut tool = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start ip")
        .help("install iproute2")?;
    tool.stdin.take().context("ip takes no input")?.write_all(batch.as_bytes())?;
    let ended = tool.wait_with_output()?;
    if !ended.status.success() {
        bail!("ip refused: {}", String::from_utf8_lossy(&ended.stderr).trim());
    }
    Ok(())
}
