//! The running kernel's release, and what it is called.

/// The release as the kernel prints it, such as `6.1.0-18-amd64`; empty when it cannot be asked.
pub fn release() -> String {
    nix::sys::utsname::uname().map(|facts| facts.release().to_string_lossy().into_owned()).unwrap_or_default()
}

/// Major and minor number of a release.
pub fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
