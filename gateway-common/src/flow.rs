//! One connection as its first hook saw it: who asked, and for what. Kept on the agent's socket, then handed to
//! the gateway's accepted socket.

/// An IPv6 address as four words in network order; IPv4 is written in its mapped form, so that both sides of a
/// redirected v4-mapped connection compute the same key.
pub type Words = [u32; 4];

/// `::ffff:0:0` as the third word, in network order.
const MAPPED: u32 = 0x0000_ffff_u32.to_be();

/// 127.0.0.1 and ::1 in network order.
pub const LOOPBACK4: u32 = u32::from_ne_bytes([127, 0, 0, 1]);
pub const LOOPBACK6: Words = [0, 0, 0, 1_u32.to_be()];

/// The mapped form of an IPv4 address given in network order.
#[must_use]
#[inline(always)]
pub fn mapped(ip4: u32) -> Words {
    [0, 0, MAPPED, ip4]
}

/// The IPv4 address inside a mapped one, in network order.
#[must_use]
#[inline(always)]
pub fn unmapped(words: Words) -> Option<u32> {
    if words[0] == 0 && words[1] == 0 && words[2] == MAPPED { Some(words[3]) } else { None }
}

/// Where the kernel sent the connection.
pub mod route {
    pub const GATEWAY: u8 = 1;
    /// To a listener of the same agent; the gateway never sees it.
    pub const OWN: u8 = 2;
    /// To the gateway's resolver front.
    pub const DNS: u8 = 3;
}

/// Who asked for which destination.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    pub cookie: u64,
    pub cgroup: u64,
    pub netns: u64,
    /// CLOCK_BOOTTIME, so that it compares with a process's start time.
    pub at_ns: u64,
    pub addr: Words,
    pub comm: [u8; 16],
    pub agent: u32,
    pub tgid: u32,
    pub pid: u32,
    pub uid: u32,
    pub gid: u32,
    /// Host order.
    pub port: u16,
    /// Address family the agent used: what `getpeername` must show again.
    pub family: u8,
    pub route: u8,
}

/// Finds an [`Origin`] from the other end of the connection: the agent's own address and port in its network
/// namespace.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PendingKey {
    pub netns: u64,
    pub addr: Words,
    /// Host order.
    pub port: u16,
    /// IPPROTO_TCP or IPPROTO_UDP.
    pub protocol: u16,
    pub zero: u32,
}

impl PendingKey {
    #[must_use]
    #[inline(always)]
    pub fn new(netns: u64, addr: Words, port: u16, protocol: u16) -> Self {
        Self { netns, addr, port, protocol, zero: 0 }
    }
}

/// Loopback, or the unspecified address that means loopback when connected to.
#[must_use]
#[inline(always)]
pub fn is_loopback(words: Words) -> bool {
    match unmapped(words) {
        Some(ip4) => ip4 == 0 || u32::from_be(ip4) >> 24 == 127,
        None => {
            words[0] == 0 && words[1] == 0 && words[2] == 0 && (words[3] == 0 || words[3] == 1_u32.to_be())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip4(a: u8, b: u8, c: u8, d: u8) -> u32 {
        u32::from_ne_bytes([a, b, c, d])
    }

    #[test]
    fn an_ipv4_address_survives_being_mapped() {
        let ip = ip4(203, 0, 113, 9);
        assert_eq!(unmapped(mapped(ip)), Some(ip));
        assert_eq!(unmapped([0, 0, 0, 1_u32.to_be()]), None);
    }

    #[test]
    fn loopback_has_many_spellings() {
        for ip in [ip4(127, 0, 0, 1), ip4(127, 255, 1, 2), ip4(0, 0, 0, 0)] {
            assert!(is_loopback(mapped(ip)));
        }
        assert!(is_loopback([0; 4]));
        assert!(is_loopback([0, 0, 0, 1_u32.to_be()]));
        assert!(!is_loopback(mapped(ip4(128, 0, 0, 1))));
        assert!(!is_loopback([0, 0, 1, 1_u32.to_be()]));
        assert!(!is_loopback([0, 0, 0, 2_u32.to_be()]));
    }
}
