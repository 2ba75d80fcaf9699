//! Guest images in the cache: which are kept. Clones of different ages share the cache, so an image that this one does not
//! want may be another's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

/// A file in an image's folder, written whenever the image is used.
pub(super) const USED: &str = "used";

/// Images that nobody used for so long are removed.
const KEPT_FOR: Duration = Duration::from_secs(14 * 24 * 3600);
/// Of those that are left, no more than so many, each some GiB.
const KEPT: usize = 3;
/// An image that was used just now may be about to be booted from.
const IN_USE_FOR: Duration = Duration::from_secs(3600);

/// Removes the images that were not used for the longest time.
pub(super) fn prune(folder: &Path, now: SystemTime) -> Result<()> {
    let mut images = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            images.push((idle(&path, now), path));
        }
    }
    images.sort();
    for (place, (idle, path)) in images.into_iter().enumerate() {
        if idle > KEPT_FOR || (place >= KEPT && idle > IN_USE_FOR) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Since when nobody used it. One from before there was a mark counts from when it was built.
fn idle(image: &Path, now: SystemTime) -> Duration {
    let changed = |path: PathBuf| fs::metadata(path).and_then(|facts| facts.modified());
    let used = changed(image.join(USED)).or_else(|_| changed(image.to_owned()));
    used.ok().and_then(|used| now.duration_since(used).ok()).unwrap_or_default()
}

fn remove(image: &Path) -> Result<()> {
    println!("removing a guest image that is not used any more: {}", image.display());
    fs::remove_dir_all(image).with_context(|| format!("cannot remove {}", image.display()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Images with the time since each was used; returns the names of those that are left.
    fn left(idle: &[(&str, Duration)]) -> Vec<String> {
        let folder = TempDir::new().unwrap();
        let now = SystemTime::now();
        for (name, idle) in idle {
            fs::create_dir(folder.path().join(name)).unwrap();
            let mark = fs::File::create(folder.path().join(name).join(USED)).unwrap();
            mark.set_modified(now - *idle).unwrap();
        }
        prune(folder.path(), now).unwrap();
        let names = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn images_that_nobody_uses_are_removed() {
        assert_eq!(left(&[("a", HOUR * 2), ("b", HOUR * 24 * 15)]), ["a"]);
    }

    #[test]
    fn only_so_many_are_kept_and_the_longest_unused_go_first() {
        let images = [("a", HOUR * 40), ("b", HOUR * 2), ("c", HOUR * 30), ("d", HOUR * 3), ("e", HOUR * 4)];
        assert_eq!(left(&images), ["b", "d", "e"]);
    }

    #[test]
    fn an_image_that_was_used_just_now_stays() {
        let now = Duration::from_secs(60);
        assert_eq!(left(&[("a", now), ("b", now), ("c", now), ("d", now)]).len(), 4);
    }
}
