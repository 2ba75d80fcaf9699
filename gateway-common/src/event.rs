//! What the programs report through the ring buffer.

use crate::flow::Words;

/// One thing that happened. One shape for all, so that a reader can never mistake its length.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// CLOCK_BOOTTIME.
    pub at_ns: u64,
    pub cgroup: u64,
    pub netns: u64,
    pub addr: Words,
    /// Zero bytes where the hook may not know the task (packet hooks).
    pub comm: [u8; 16],
    pub agent: u32,
    pub tgid: u32,
    pub pid: u32,
    pub uid: u32,
    pub family: u16,
    /// Host order.
    pub port: u16,
    pub protocol: u16,
    pub act: u8,
    pub why: u8,
    pub zero: u64,
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal => $text:literal,)* }) => {
        $(#[$doc])*
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant = $code,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            #[must_use]
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The word used in records and on the screen.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

codes! {
    /// What was attempted, or what changed.
    Act {
        Connect = 1 => "connect",
        SendDatagram = 2 => "send-datagram",
        CreateSocket = 3 => "create-socket",
        SendPacket = 4 => "send-packet",
        ReceivePacket = 5 => "receive-packet",
        UnixConnect = 6 => "unix-connect",
        UnixSend = 7 => "unix-send",
        UseSocket = 8 => "use-socket",
        ReceiveFile = 9 => "receive-file",
        Bpf = 10 => "bpf",
        Inspect = 11 => "inspect-process",
        OpenCgroup = 12 => "open-cgroup-file",
        CloneAway = 13 => "clone-into-cgroup",
        Tun = 14 => "tun-device",
        Unpin = 15 => "unpin",
        Unmount = 16 => "unmount",
        Perf = 17 => "perf-event",
        Signal = 18 => "signal",
        LoadModule = 19 => "load-module",
        Listen = 20 => "listen",
        /// A cgroup that the kernel side began to watch by itself.
        CgroupMade = 64 => "cgroup-made",
        CgroupGone = 65 => "cgroup-gone",
    }
}

codes! {
    /// Why it was refused.
    Why {
        None = 0 => "not refused",
        Root = 1 => "the agent runs as root",
        Udp = 2 => "UDP other than DNS",
        Family = 3 => "this socket family is closed",
        Protocol = 4 => "this protocol is closed",
        ForeignNetns = 5 => "no gateway listener in this network namespace",
        NotLoopback = 6 => "a packet bound for outside",
        Unmarked = 7 => "a socket that this agent did not make",
        Peer = 8 => "a unix socket peer that is not allowed",
        Outsider = 9 => "a process outside the agent",
        Closed = 10 => "closed to agents",
        Nobody = 11 => "a watched cgroup that is no configured agent",
        Inbound = 12 => "a listener that may not be reached from there",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_as_itself() {
        for act in Act::ALL {
            assert_eq!(Act::from_code(*act as u8), Some(*act));
        }
        for why in Why::ALL {
            assert_eq!(Why::from_code(*why as u8), Some(*why));
        }
        assert_eq!(Act::from_code(0), None);
    }
}
