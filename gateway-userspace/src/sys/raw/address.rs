//! Socket addresses of any family, as the bytes that the kernel reads.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const ROOM: usize = 128;

/// The bytes of a socket address. Alignment and room are those of `sockaddr_storage`.
#[repr(C, align(8))]
#[derive(Debug, Clone, Copy)]
pub struct Address {
    bytes: [u8; ROOM],
    len: u32,
}

impl Address {
    /// Family and what follows it, as laid out by the kernel. Bytes beyond the room of any address are cut off.
    pub fn new(family: i32, rest: &[u8]) -> Self {
        let family = u16::try_from(family).unwrap_or_default();
        let mut bytes = [0_u8; ROOM];
        let parts = family.to_ne_bytes().into_iter().chain(rest.iter().copied());
        let mut len = 0;
        for (slot, byte) in bytes.iter_mut().zip(parts) {
            *slot = byte;
            len += 1;
        }
        Self { bytes, len }
    }

    /// What dissolves an association in `connect`.
    pub fn unspecified() -> Self {
        Self::new(libc::AF_UNSPEC, &[0; 14])
    }

    pub fn unix_path(path: &Path) -> Self {
        let mut rest = path.as_os_str().as_bytes().to_vec();
        rest.push(0);
        Self::new(libc::AF_UNIX, &rest)
    }

    pub fn unix_abstract(name: &str) -> Self {
        let mut rest = vec![0];
        rest.extend_from_slice(name.as_bytes());
        Self::new(libc::AF_UNIX, &rest)
    }

    /// Broadcast on one device, for AF_PACKET.
    pub fn link(protocol: u16, index: u32) -> Self {
        let index = i32::try_from(index).unwrap_or_default();
        let mut rest = protocol.to_be_bytes().to_vec();
        rest.extend_from_slice(&index.to_ne_bytes());
        rest.extend_from_slice(&[0, 0, 0, 6]);
        rest.extend_from_slice(&[0xff; 6]);
        rest.extend_from_slice(&[0; 2]);
        Self::new(libc::AF_PACKET, &rest)
    }

    /// An IPv4 destination as an IPv6 socket sees it.
    pub fn mapped(to: SocketAddrV4) -> Self {
        let mapped: Ipv6Addr = to.ip().to_ipv6_mapped();
        SocketAddr::V6(SocketAddrV6::new(mapped, to.port(), 0, 0)).into()
    }

    /// Address and length as the kernel takes them; valid as long as `self`.
    pub(super) fn pointer(&self) -> *const libc::sockaddr {
        self.bytes.as_ptr().cast()
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let mut rest = address.port().to_be_bytes().to_vec();
        match address {
            SocketAddr::V4(v4) => {
                rest.extend_from_slice(&v4.ip().octets());
                rest.extend_from_slice(&[0; 8]);
                Self::new(libc::AF_INET, &rest)
            }
            SocketAddr::V6(v6) => {
                rest.extend_from_slice(&v6.flowinfo().to_be_bytes());
                rest.extend_from_slice(&v6.ip().octets());
                rest.extend_from_slice(&v6.scope_id().to_ne_bytes());
                Self::new(libc::AF_INET6, &rest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_has_the_kernels_layout() {
        let address = Address::from(SocketAddr::from(([198, 51, 100, 2], 0x1234)));
        assert_eq!(address.len(), 16);
        assert_eq!(address.bytes[2..8], [0x12, 0x34, 198, 51, 100, 2]);
    }

    #[test]
    fn a_name_longer_than_any_address_is_cut_not_overrun() {
        assert_eq!(Address::new(libc::AF_UNIX, &[1; 500]).len(), 128);
    }
}
