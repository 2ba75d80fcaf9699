//! Turns what the programs report into what the gateway is told, and keeps it for a gateway that is away.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    time::{SystemTime, UNIX_EPOCH},
};

use gateway_common::{
    event::{Act, Report, Why},
    flow::{self, Words},
};
use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    time::{ClockId, clock_gettime},
};

use crate::attribution::wire::{self, KernelRefusal, Notice, WireError};

/// Notices kept for a gateway that is away or slow. More are counted.
const KEPT: usize = 10_000;

/// What the gateway has not heard yet. It is never waited for.
#[derive(Debug, Default)]
pub struct Outbox {
    subscriber: Option<OwnedFd>,
    queue: VecDeque<Posted>,
    missed: u64,
}

#[derive(Debug)]
struct Posted {
    notice: Notice,
    fd: Option<OwnedFd>,
}

impl Outbox {
    /// The gateway that asked last is the one that is told.
    pub fn subscribe(&mut self, socket: OwnedFd) {
        if let Err(error) = fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)) {
            return tracing::warn!(%error, "the gateway cannot be told");
        }
        self.subscriber = Some(socket);
        self.deliver();
    }

    pub fn post(&mut self, notice: Notice, fd: Option<OwnedFd>) {
        if self.queue.len() < KEPT {
            self.queue.push_back(Posted { notice, fd });
        } else {
            self.missed += 1;
        }
        self.deliver();
    }

    /// Tells as much as the gateway takes now.
    pub fn deliver(&mut self) {
        let Some(socket) = &self.subscriber else { return };
        let told = tell_all(socket.as_fd(), &mut self.queue, &mut self.missed);
        match told {
            Ok(()) => {}
            Err(error) if error.would_block() => {}
            Err(error) => {
                tracing::warn!(%error, "the gateway is gone");
                self.subscriber = None;
            }
        }
    }
}

fn tell_all(socket: BorrowedFd<'_>, queue: &mut VecDeque<Posted>, missed: &mut u64) -> Result<(), WireError> {
    while let Some(posted) = queue.front() {
        wire::send(socket, &posted.notice, posted.fd.as_ref().map(std::os::fd::AsFd::as_fd))?;
        queue.pop_front();
    }
    if *missed > 0 {
        wire::send(socket, &Notice::Lost { count: *missed }, None)?;
        *missed = 0;
    }
    Ok(())
}

/// Reads a report out of the ring. `None` for bytes that are no report.
pub fn parse(bytes: &[u8]) -> Option<Report> {
    let words: &[u8; size_of::<Report>()] = bytes.get(..size_of::<Report>())?.try_into().ok()?;
    let long = |at: usize| Some(u64::from_ne_bytes(words.get(at..at + 8)?.try_into().ok()?));
    let int = |at: usize| Some(u32::from_ne_bytes(words.get(at..at + 4)?.try_into().ok()?));
    let short = |at: usize| Some(u16::from_ne_bytes(words.get(at..at + 2)?.try_into().ok()?));
    Some(Report {
        at_ns: long(0)?,
        cgroup: long(8)?,
        netns: long(16)?,
        addr: [int(24)?, int(28)?, int(32)?, int(36)?],
        comm: words.get(40..56)?.try_into().ok()?,
        agent: int(56)?,
        tgid: int(60)?,
        pid: int(64)?,
        uid: int(68)?,
        family: short(72)?,
        port: short(74)?,
        protocol: short(76)?,
        act: *words.get(78)?,
        why: *words.get(79)?,
        zero: 0,
    })
}

/// A report in the gateway's words.
pub fn refusal(report: &Report, agent: Option<String>, cgroup_path: String) -> KernelRefusal {
    let addressed = report.port != 0 || report.addr != [0; 4];
    KernelRefusal {
        agent,
        agent_id: report.agent,
        cgroup_id: report.cgroup,
        cgroup_path,
        tgid: report.tgid,
        pid: report.pid,
        uid: report.uid,
        comm: comm(report.comm),
        act: Act::from_code(report.act).map_or("unknown", Act::word).to_owned(),
        why: Why::from_code(report.why).map_or("unknown", Why::word).to_owned(),
        destination: addressed.then(|| address(report.addr, report.port)),
        at_unix_ns: unix_ns(report.at_ns),
    }
}

pub fn comm(bytes: [u8; 16]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// An address as the kernel side keeps it, IPv4 unmapped.
pub fn address(words: Words, port: u16) -> SocketAddr {
    let ip = match flow::unmapped(words) {
        Some(ip4) => IpAddr::V4(Ipv4Addr::from(ip4.to_ne_bytes())),
        None => {
            let mut bytes = [0; 16];
            for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
                to.copy_from_slice(&word.to_ne_bytes());
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
    };
    SocketAddr::new(ip, port)
}

/// The kernel side's clock counts from boot, sleep included.
pub fn unix_ns(boot_ns: u64) -> u64 {
    let age = since_boot().saturating_sub(boot_ns);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).saturating_sub(age)
}

fn since_boot() -> u64 {
    let Ok(now) = clock_gettime(ClockId::CLOCK_BOOTTIME) else { return 0 };
    now.tv_sec().cast_unsigned() * 1_000_000_000 + now.tv_nsec().cast_unsigned()
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = Report {
            at_ns: 1,
            cgroup: 2,
            netns: 3,
            addr: [4, 5, 6, 7],
            comm: *b"psql\0\0\0\0\0\0\0\0\0\0\0\0",
            agent: 8,
            tgid: 9,
            pid: 10,
            uid: 11,
            family: 12,
            port: 13,
            protocol: 14,
            act: 15,
            why: 16,
            zero: 0,
        };
        let mut bytes = Vec::new();
        for long in [1_u64, 2, 3] {
            bytes.extend(long.to_ne_bytes());
        }
        for int in [4_u32, 5, 6, 7] {
            bytes.extend(int.to_ne_bytes());
        }
        bytes.extend(report.comm);
        for int in [8_u32, 9, 10, 11] {
            bytes.extend(int.to_ne_bytes());
        }
        for short in [12_u16, 13, 14] {
            bytes.extend(short.to_ne_bytes());
        }
        bytes.extend([15, 16]);
        bytes.extend(0_u64.to_ne_bytes());
        assert_eq!(parse(&bytes), Some(report));
        assert_eq!(parse(&bytes[1..]), None);
        assert_eq!(comm(report.comm), "psql");
    }

    #[test]
    fn addresses_are_told_as_people_write_them() {
        let v4 = address(flow::mapped(u32::from_ne_bytes([192, 0, 2, 7])), 53);
        assert_eq!(v4.to_string(), "192.0.2.7:53");
        let v6 = address([0, 0, 0, 1_u32.to_be()], 80);
        assert_eq!(v6.to_string(), "[::1]:80");
    }

    #[test]
    fn a_gateway_that_is_away_or_does_not_read_hears_all_that_was_kept_and_how_much_was_not() {
        let (ours, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let mut outbox = Outbox::default();
        let (one, more) = (Notice::Lost { count: 1 }, 3);
        for _ in 0..KEPT + more {
            outbox.post(one.clone(), None);
        }
        outbox.subscribe(ours);
        assert!(!outbox.queue.is_empty(), "the gateway took everything without reading");
        for _ in 0..KEPT {
            assert_eq!(wire::receive::<Notice>(theirs.as_fd()).unwrap(), one);
            outbox.deliver();
        }
        assert_eq!(wire::receive::<Notice>(theirs.as_fd()).unwrap(), Notice::Lost { count: more as u64 });
    }
}
