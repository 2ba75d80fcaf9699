//! Keeps the kernel's list of watched cgroups true: what is designated is in it, what is not is released. New
//! cgroups are recognised by the kernel itself; this finds those that were there before, and corrects.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use aya::maps::{MapError, lpm_trie::Key};
use gateway_common::{settings::Settings, watch::Watch};
use thiserror::Error;

use super::{
    maps::Told,
    roster::{CANARY, Roster},
};

/// Deeper cgroups than this do not exist on a host that works.
const MAX_DEPTH: usize = 64;

#[derive(Debug, Error)]
pub enum WatchError {
    #[error("cannot read the cgroup hierarchy at {path}")]
    Hierarchy { path: PathBuf, source: io::Error },
    #[error("cannot tell the kernel which cgroups are watched")]
    Map(#[from] MapError),
}

/// Every cgroup that belongs to an agent now: id, path and agent.
pub type Watched = BTreeMap<u64, (String, Watch)>;

/// Tells the kernel side the patterns of this roster and no others.
pub fn tell_patterns(told: &mut Told, roster: &Roster) -> Result<(), WatchError> {
    let wanted: Vec<_> = roster.kernel_patterns().collect();
    for (text, bits, watch) in &wanted {
        told.patterns.insert(&Key::new(*bits, *text), watch, 0)?;
    }
    let old: Vec<Key<_>> = told.patterns.keys().filter_map(Result::ok).collect();
    for key in old {
        let stays = wanted.iter().any(|(text, bits, _)| *bits == key.prefix_len() && *text == key.data());
        if !stays {
            told.patterns.remove(&key)?;
        }
    }
    Ok(())
}

/// Walks the hierarchy and makes the kernel's list agree with it.
pub fn reconcile(told: &mut Told, root: &Path, roster: &Roster) -> Result<Watched, WatchError> {
    let mut walk = Walk { roster, found: Watched::new() };
    walk.visit(root, "", None, Keeper::Root, MAX_DEPTH)
        .map_err(|source| WatchError::Hierarchy { path: root.to_owned(), source })?;
    let found = walk.found;
    // What is not watched any more makes room first.
    release(told, root, &found)?;
    let mut crowded = 0;
    for (id, (path, watch)) in &found {
        if told.watched.get(id, 0).ok() != Some(*watch) && told.watched.insert(id, watch, 0).is_err() {
            crowded = 1;
            freeze(root, path);
        }
    }
    tell_crowded(told, crowded)?;
    Ok(found)
}

/// A cgroup that the list has no room for must not run: its processes stand still until an operator raises
/// `enforce.max_cgroups` and thaws them.
fn freeze(root: &Path, path: &str) {
    let file = root.join(path.trim_start_matches('/')).join("cgroup.freeze");
    match fs::write(&file, "1") {
        Ok(()) => {
            tracing::error!(cgroup = path, "no room to watch this cgroup: frozen; raise enforce.max_cgroups")
        }
        Err(error) => {
            tracing::error!(cgroup = path, %error, "no room to watch this cgroup, and it cannot be frozen")
        }
    }
}

fn tell_crowded(told: &mut Told, crowded: u32) -> Result<(), WatchError> {
    let settings = told.settings.get(&0, 0)?;
    if settings.crowded != crowded {
        told.settings.set(0, Settings { crowded, ..settings }, 0)?;
    }
    Ok(())
}

/// Who may move processes about above a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    Root,
    /// Some cgroup above it was handed to a user, who can move what runs below it to another place there.
    User,
}

struct Walk<'a> {
    roster: &'a Roster,
    found: Watched,
}

impl Walk<'_> {
    fn visit(
        &mut self,
        dir: &Path,
        path: &str,
        inherited: Option<Watch>,
        above: Keeper,
        depth: usize,
    ) -> io::Result<()> {
        let facts = fs::metadata(dir)?;
        let watch = inherited.or_else(|| self.roster.designated(path, above));
        if let Some(watch) = watch {
            self.found.insert(facts.ino(), (path.to_owned(), watch));
        }
        let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
        let here = if facts.uid() == 0 { above } else { Keeper::User };
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if entry.file_type()?.is_dir() {
                match self.visit(&entry.path(), &format!("{path}/{name}"), watch, here, depth) {
                    // Removed while we looked.
                    Err(error) if gone(&error) => {}
                    other => other?,
                }
            }
        }
        Ok(())
    }
}

/// A cgroup that is being removed answers reads with ENODEV.
fn gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

/// Releases cgroups that the kernel took by the beginning of their name only, and those of a former configuration.
/// One whose directory is gone may still have sockets; the kernel side forgets it when they are gone too.
fn release(told: &mut Told, root: &Path, found: &Watched) -> Result<(), WatchError> {
    let known: Vec<(u64, Watch)> = told.watched.iter().filter_map(Result::ok).collect();
    for (id, watch) in known {
        if watch.agent != CANARY && !found.contains_key(&id) && exists(root, id, MAX_DEPTH) {
            told.watched.remove(&id)?;
        }
    }
    Ok(())
}

fn exists(dir: &Path, id: u64, depth: usize) -> bool {
    if fs::metadata(dir).is_ok_and(|facts| facts.ino() == id) {
        return true;
    }
    let Some(depth) = depth.checked_sub(1) else { return false };
    let Ok(entries) = fs::read_dir(dir) else { return false };
    let dirs = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    dirs.into_iter().any(|entry| exists(&entry.path(), id, depth))
}
