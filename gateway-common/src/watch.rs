//! Which cgroups belong to agents, and how the kernel recognises a new one by itself.

/// A watched cgroup. No entry means: not ours, hands off.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// The agent's id, or [`NOBODY`] for a cgroup that is closed because it looks like an agent's.
    pub agent: u32,
    pub flags: u32,
}

/// Watched, and known to be no agent of the configuration: everything is refused.
pub const NOBODY: u32 = 1;

pub mod flags {
    /// Processes of uid 0 may use the network (`danger_root`).
    pub const ROOT_ALLOWED: u32 = 1;
    /// Only the agent itself may reach its listeners (`inbound = "own"`).
    pub const INBOUND_OWN: u32 = 2;
}

impl Watch {
    #[must_use]
    #[inline(always)]
    pub fn has(self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

/// Longest path or name that a pattern can compare.
pub const PATTERN_LEN: usize = 128;

/// What a pattern's text is compared with.
pub mod subject {
    /// The cgroup's path from the root of the hierarchy, beginning with `/`.
    pub const PATH: u8 = b'P';
    /// The last component of that path.
    pub const NAME: u8 = b'N';
}

/// The text of a pattern, and of the question asked of it: a subject byte, then the text. An exact pattern
/// includes the NUL that ends the text; a prefix pattern stops before it.
pub type PatternText = [u8; PATTERN_LEN];

/// Lays out a pattern for the kernel's prefix trie: the text and how many bits of it count.
/// `None` when the text is too long to be compared whole.
#[must_use]
pub fn pattern(subject: u8, literal: &[u8], exact: Exact) -> Option<(PatternText, u32)> {
    let mut text = [0_u8; PATTERN_LEN];
    let (first, rest) = text.split_first_mut()?;
    *first = subject;
    // One byte stays free for the NUL of an exact pattern.
    if literal.len() >= rest.len() {
        return None;
    }
    rest.get_mut(..literal.len())?.copy_from_slice(literal);
    let bytes = 1 + literal.len() + usize::from(exact == Exact::Yes);
    Some((text, u32::try_from(bytes * 8).ok()?))
}

/// Whether a pattern names one cgroup or everything that begins like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exact {
    Yes,
    Prefix,
}

/// Longest abstract unix socket name.
pub const ABSTRACT_LEN: usize = 107;

/// A unix socket that an agent may talk to: by device and inode, or by abstract name.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerKey {
    pub inode: u64,
    pub dev: u32,
    pub agent: u32,
    /// All zero for a path; the name without its leading NUL otherwise.
    pub name: [u8; ABSTRACT_LEN],
    /// Bytes of `name` that count.
    pub len: u8,
    pub zero: [u8; 4],
}

impl PeerKey {
    #[must_use]
    #[inline(always)]
    pub fn path(agent: u32, dev: u32, inode: u64) -> Self {
        Self { inode, dev, agent, name: [0; ABSTRACT_LEN], len: 0, zero: [0; 4] }
    }

    /// `None` for a name that is empty or longer than the kernel allows.
    #[must_use]
    pub fn abstract_name(agent: u32, name: &[u8]) -> Option<Self> {
        let mut key = Self::path(agent, 0, 0);
        key.len = u8::try_from(name.len()).ok().filter(|len| *len > 0)?;
        key.name.get_mut(..name.len())?.copy_from_slice(name);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_pattern_counts_its_end_and_a_prefix_does_not() {
        let (text, bits) = pattern(subject::NAME, b"a.service", Exact::Yes).unwrap();
        assert_eq!(&text[..11], b"Na.service\0");
        assert_eq!(bits, 11 * 8);
        let (_, bits) = pattern(subject::NAME, b"a.service", Exact::Prefix).unwrap();
        assert_eq!(bits, 10 * 8);
    }

    #[test]
    fn a_pattern_that_could_not_be_compared_whole_is_refused() {
        assert!(pattern(subject::PATH, &[b'x'; PATTERN_LEN - 2], Exact::Yes).is_some());
        assert!(pattern(subject::PATH, &[b'x'; PATTERN_LEN - 1], Exact::Yes).is_none());
    }
}
