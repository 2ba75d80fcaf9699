//! Prepared statements and portals by their names, as the target has them.
//!
//! An agent may send on before it has heard whether something was prepared. So a name can stand for an older thing
//! and for newer ones that the target has not confirmed; what the target says decides.

#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The longest name. The target cuts longer ones off, and two that differ only behind that would be one for it.
pub(super) const LONGEST: usize = 63;

/// What every entry costs beside its name and its value.
const OVERHEAD: usize = 160;

/// A name as answers refer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Unnamed,
    Named(Arc<[u8]>),
}

/// When something was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    /// Counts messages.
    pub(super) sequence: u64,
    /// Counts batches. Within one, a failure makes the target skip all that follows.
    pub(super) batch: u64,
}

#[derive(Debug)]
struct Version<T> {
    sent: Sent,
    confirmed: bool,
    size: usize,
    value: T,
}

type Versions<T> = Vec<Version<T>>;

/// Things of one kind by their names, bounded in number and size.
#[derive(Debug)]
pub(super) struct Names<T> {
    unnamed: Versions<T>,
    named: BTreeMap<Arc<[u8]>, Versions<T>>,
    most: usize,
    most_bytes: usize,
    count: usize,
    bytes: usize,
}

/// What a name stands for at this moment of a batch.
#[derive(Debug)]
pub(super) enum Found<'a, T> {
    /// This and nothing else, if the message that uses it is not skipped.
    Known(&'a mut T, Sent),
    /// It depends on answers that are still to come.
    Unsettled,
    Nothing,
}

/// There is no room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl<T> Names<T> {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self { unnamed: Vec::new(), named: BTreeMap::new(), most, most_bytes, count: 0, bytes: 0 }
    }

    /// Whether something of this size can be added.
    pub(super) fn room(&self, size: usize) -> Result<(), Full> {
        let bytes = self.bytes.saturating_add(size).saturating_add(OVERHEAD);
        if self.count < self.most && bytes <= self.most_bytes { Ok(()) } else { Err(Full) }
    }

    /// Adds what the name will stand for if the target agrees.
    pub(super) fn add(&mut self, name: &[u8], sent: Sent, size: usize, value: T) -> Name {
        let size = size.saturating_add(OVERHEAD);
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(size);
        let version = Version { sent, confirmed: false, size, value };
        if name.is_empty() {
            self.unnamed.push(version);
            return Name::Unnamed;
        }
        let key = match self.named.get_key_value(name) {
            Some((key, _)) => Arc::clone(key),
            None => Arc::from(name),
        };
        self.named.entry(Arc::clone(&key)).or_default().push(version);
        Name::Named(key)
    }

    pub(super) fn find(&mut self, name: &[u8], batch: u64) -> Found<'_, T> {
        let versions = if name.is_empty() { Some(&mut self.unnamed) } else { self.named.get_mut(name) };
        match versions.and_then(|versions| versions.last_mut()) {
            None => Found::Nothing,
            // What is not confirmed and was sent in this batch is there, or this batch is skipped from there on.
            Some(version) if version.confirmed || version.sent.batch == batch => {
                Found::Known(&mut version.value, version.sent)
            }
            Some(_) => Found::Unsettled,
        }
    }

    /// The target has what was sent then, and nothing older under this name.
    pub(super) fn confirm(&mut self, name: &Name, sequence: u64) {
        self.retain(name, |version| {
            version.confirmed |= version.sent.sequence == sequence;
            version.sent.sequence >= sequence
        });
    }

    /// The target does not have what was sent then.
    pub(super) fn withdraw(&mut self, name: &Name, sequence: u64) {
        self.retain(name, |version| version.sent.sequence != sequence);
    }

    /// The target has nothing under this name that was sent before.
    pub(super) fn forget(&mut self, name: &[u8], before: u64) {
        let name = match self.named.get_key_value(name) {
            _ if name.is_empty() => Name::Unnamed,
            Some((key, _)) => Name::Named(Arc::clone(key)),
            None => return,
        };
        self.retain(&name, |version| version.sent.sequence >= before);
    }

    /// Nothing that was sent before is there any more.
    pub(super) fn forget_all(&mut self, before: u64) {
        if self.count == 0 {
            return;
        }
        self.forget(b"", before);
        self.forget_named(before);
    }

    /// Whether what was sent then may still be there.
    pub(super) fn has(&self, sequence: u64) -> bool {
        self.named.values().flatten().chain(&self.unnamed).any(|version| version.sent.sequence == sequence)
    }

    /// As `forget_all`, but what has no name stays.
    pub(super) fn forget_named(&mut self, before: u64) {
        let (mut count, mut bytes) = (0_usize, 0_usize);
        self.named.retain(|_, versions| {
            versions.retain(|version| version.sent.sequence >= before);
            !versions.is_empty()
        });
        for version in self.named.values().flatten().chain(&self.unnamed) {
            count = count.saturating_add(1);
            bytes = bytes.saturating_add(version.size);
        }
        (self.count, self.bytes) = (count, bytes);
    }

    fn retain(&mut self, name: &Name, mut keep: impl FnMut(&mut Version<T>) -> bool) {
        let versions = match name {
            Name::Unnamed => Some(&mut self.unnamed),
            Name::Named(key) => self.named.get_mut(key),
        };
        let Some(versions) = versions else { return };
        let (count, bytes) = (&mut self.count, &mut self.bytes);
        versions.retain_mut(|version| {
            let kept = keep(version);
            if !kept {
                *count = count.saturating_sub(1);
                *bytes = bytes.saturating_sub(version.size);
            }
            kept
        });
        if let (true, Name::Named(key)) = (versions.is_empty(), name) {
            self.named.remove(key);
        }
    }
}
