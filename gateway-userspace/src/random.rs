//! The one source of randomness: the kernel's.

use std::io;

use zeroize::Zeroizing;

/// As many bytes as are asked for. They are often secrets, so they do not outlive their use.
pub fn bytes<const N: usize>() -> io::Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
