//! Finds where the running kernel keeps a field, by reading the type information it publishes about itself
//! ("BPF Type Format" in the kernel's documentation). Bounded, and a field that is not found is an error: the
//! programs never run with a guessed offset.

use std::{collections::HashMap, fs, path::Path};

use gateway_common::layout::Layout;
use thiserror::Error;

/// Where every supported kernel publishes its types.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
/// Struct within struct within struct is as deep as our fields lie; anonymous ones in between count too.
const MAX_DEPTH: u32 = 8;

#[derive(Debug, Error)]
pub enum BtfError {
    #[error("cannot read the kernel's type information at {path}")]
    Unreadable { path: String, source: std::io::Error },
    #[error("the kernel's type information is malformed")]
    Malformed,
    #[error("this kernel has no field {strukt}.{path}")]
    NoField { strukt: &'static str, path: &'static str },
}

/// The offsets of all fields that the programs read.
pub fn layout(path: &Path) -> Result<Layout, BtfError> {
    let bytes =
        fs::read(path).map_err(|source| BtfError::Unreadable { path: path.display().to_string(), source })?;
    let types = Types::parse(&bytes).ok_or(BtfError::Malformed)?;
    let mut offsets = Vec::with_capacity(Layout::FIELDS.len());
    for (strukt, path) in Layout::FIELDS {
        offsets.push(types.offset(strukt, path).ok_or(BtfError::NoField { strukt, path })?);
    }
    Layout::from_offsets(&offsets).ok_or(BtfError::Malformed)
}

/// One type's record: its kind and where its members stand.
#[derive(Clone, Copy)]
struct Type {
    kind: u32,
    has_flag: bool,
    members: usize,
    count: usize,
    /// The type meant by a modifier or typedef.
    target: u32,
}

struct Types<'a> {
    bytes: &'a [u8],
    strings: usize,
    types: Vec<Type>,
    structs: HashMap<&'a [u8], u32>,
}

impl<'a> Types<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        if half(bytes, 0)? != MAGIC {
            return None;
        }
        let header = word(bytes, 4)? as usize;
        let types_at = header + word(bytes, 8)? as usize;
        let types_end = types_at + word(bytes, 12)? as usize;
        let strings = header + word(bytes, 16)? as usize;
        let mut parsed = Self { bytes, strings, types: vec![VOID], structs: HashMap::new() };
        let mut at = types_at;
        while at < types_end {
            at = parsed.read_type(at)?;
        }
        Some(parsed)
    }

    fn read_type(&mut self, at: usize) -> Option<usize> {
        let name = word(self.bytes, at)?;
        let info = word(self.bytes, at + 4)?;
        let (kind, count) = ((info >> 24) & 0x1f, (info & 0xffff) as usize);
        let members = at + 12;
        if kind == KIND_STRUCT {
            let id = u32::try_from(self.types.len()).ok()?;
            self.structs.entry(self.name(name)?).or_insert(id);
        }
        let target = word(self.bytes, at + 8)?;
        self.types.push(Type { kind, has_flag: info >> 31 == 1, members, count, target });
        Some(members + body_len(kind, count)?)
    }

    fn name(&self, offset: u32) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.strings + offset as usize..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        rest.get(..end)
    }

    /// Byte offset of a member path such as `self.parent` in the struct of that name.
    fn offset(&self, strukt: &str, path: &str) -> Option<u32> {
        let mut id = *self.structs.get(strukt.as_bytes())?;
        let mut total = 0;
        for member in path.split('.') {
            let (bits, inner) = self.member(id, member.as_bytes(), MAX_DEPTH)?;
            total += bits;
            id = inner;
        }
        (total % 8 == 0).then_some(total / 8)
    }

    /// Bit offset and type of a member, which may stand inside an anonymous struct or union.
    fn member(&self, id: u32, wanted: &[u8], depth: u32) -> Option<(u32, u32)> {
        let depth = depth.checked_sub(1)?;
        let holder = self.resolve(id)?;
        for index in 0..holder.count {
            let at = holder.members + index * 12;
            let name = self.name(word(self.bytes, at)?)?;
            let inner = word(self.bytes, at + 4)?;
            let raw = word(self.bytes, at + 8)?;
            let bits = if holder.has_flag { raw & 0x00ff_ffff } else { raw };
            if name == wanted {
                return Some((bits, inner));
            }
            if name.is_empty()
                && let Some((more, found)) = self.member(inner, wanted, depth)
            {
                return Some((bits + more, found));
            }
        }
        None
    }

    /// The struct or union behind typedefs and qualifiers.
    fn resolve(&self, mut id: u32) -> Option<Type> {
        for _ in 0..MAX_DEPTH {
            let found = *self.types.get(id as usize)?;
            match found.kind {
                KIND_STRUCT | KIND_UNION => return Some(found),
                // typedef, volatile, const, restrict, type tag
                8..=11 | 18 => id = found.target,
                _ => return None,
            }
        }
        None
    }
}

const VOID: Type = Type { kind: 0, has_flag: false, members: 0, count: 0, target: 0 };

/// Bytes behind the common twelve, by kind.
fn body_len(kind: u32, count: usize) -> Option<usize> {
    Some(match kind {
        1 | 14 | 17 => 4,
        2 | 7..=12 | 16 | 18 => 0,
        3 => 12,
        4 | 5 => count * 12,
        6 | 13 => count * 8,
        15 | 19 => count * 12,
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_in_the_running_kernel() {
        let layout = layout(Path::new(KERNEL_BTF)).expect("this kernel publishes its types");
        assert_ne!(layout.cgroup_kn, 0);
        assert_eq!(layout.css_cgroup, 0, "a css begins with its cgroup on every kernel so far");
    }

    #[test]
    fn cut_and_flipped_type_information_is_refused_without_a_panic() {
        let whole = fs::read(KERNEL_BTF).expect("this kernel publishes its types");
        for len in [0, 1, 23, 24, 1000, whole.len() / 2] {
            if let Some(types) = whole.get(..len).and_then(Types::parse) {
                assert_eq!(types.offset("cgroup", "no_such_field"), None);
            }
        }
        let mut flipped = whole.clone();
        for (index, byte) in flipped.iter_mut().enumerate().skip(24).step_by(997) {
            *byte ^= index as u8;
        }
        let _ = Types::parse(&flipped).map(|types| types.offset("task_struct", "cgroups"));
    }
}
