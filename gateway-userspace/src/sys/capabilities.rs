//! Giving up capabilities: the one place that knows how, for whoever has decided which.

use std::collections::HashSet;
use std::io;

use caps::CapSet;
pub use caps::Capability;

/// Gives up all but these, for this thread and all that it starts from now on: nothing that is executed gains the
/// others back.
pub fn keep_only(needed: &[Capability]) -> io::Result<()> {
    let needed: HashSet<Capability> = needed.iter().copied().collect();
    for capability in caps::all().difference(&needed) {
        // One that this kernel does not know cannot be held either.
        if caps::has_cap(None, CapSet::Bounding, *capability).unwrap_or(false) {
            caps::drop(None, CapSet::Bounding, *capability).map_err(io::Error::other)?;
        }
    }
    clear(CapSet::Ambient)?;
    clear(CapSet::Inheritable)?;
    let held = caps::read(None, CapSet::Permitted).map_err(io::Error::other)?;
    let kept: HashSet<Capability> = held.intersection(&needed).copied().collect();
    caps::set(None, CapSet::Effective, &kept).map_err(io::Error::other)?;
    caps::set(None, CapSet::Permitted, &kept).map_err(io::Error::other)
}

/// Empties what could be gained by executing a program. It is itself a privilege: whoever lacks it, and so fails, has
/// nothing that could be gained either.
pub fn empty_bounding_set() -> io::Result<()> {
    clear(CapSet::Bounding)
}

/// Empties what is handed on to programs that know nothing of capabilities.
pub fn empty_ambient_set() -> io::Result<()> {
    clear(CapSet::Ambient)
}

/// Gives up all that is held. What could still be gained by a program is not touched.
pub fn drop_all() -> io::Result<()> {
    [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted]
        .into_iter()
        .try_for_each(clear)
}

fn clear(set: CapSet) -> io::Result<()> {
    caps::clear(None, set).map_err(io::Error::other)
}
