//! Where things are: the source tree, the cache outside it, and locks between runs on one machine.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

const SCRATCH_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The root of the source tree this command was started from.
pub(crate) fn root() -> Result<PathBuf> {
    // At run time rather than with `env!`: a binary from a shared target folder may have been built elsewhere.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .context("CARGO_MANIFEST_DIR is not set; start me as `cargo xtask`")?;
    let root = Path::new(&manifest).parent().context("the xtask crate has no parent folder")?;
    Ok(root.to_owned())
}

/// A folder of the cache, made if missing. The cache outlives the clone: guest image, kernel object, bpf-linker
/// and, in CI, compiled dependencies.
pub(crate) fn cache(part: &str) -> Result<PathBuf> {
    let dir = cache_root()?.join(part);
    std::fs::create_dir_all(&dir)
        .with_context(|| format!("cannot make the cache folder {}", dir.display()))?;
    Ok(dir)
}

/// A folder in the cache for as long as it is held: on the filesystem where what is built will stay. Those of runs that
/// were killed are removed after a day.
pub(crate) fn scratch() -> Result<TempDir> {
    let dir = cache("scratch")?;
    for entry in std::fs::read_dir(&dir)?.filter_map(Result::ok) {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        if modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > SCRATCH_LIFE)) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    TempDir::new_in(&dir).with_context(|| format!("cannot make a folder in {}", dir.display()))
}

/// Where the cache is, whether or not it exists yet.
pub(crate) fn cache_root() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("POSTERN_CACHE") {
        return Ok(dir.into());
    }
    if let Some(dir) = std::env::var_os("XDG_CACHE_HOME") {
        return Ok(Path::new(&dir).join("postern"));
    }
    let home = std::env::var_os("HOME").context("none of POSTERN_CACHE, XDG_CACHE_HOME and HOME is set")?;
    Ok(Path::new(&home).join(".cache/postern"))
}

/// True where no developer waits for an incremental build and every clone is thrown away.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// Where the product is compiled. A CI clone lives at a new path each time; its dependencies are kept in the cache.
pub(crate) fn target_dir() -> Result<PathBuf> {
    if in_ci() {
        return cache("target");
    }
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => Ok(dir.into()),
        None => Ok(root()?.join("target")),
    }
}

/// One line of the mount table.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) path: PathBuf,
    pub(crate) kind: String,
}

/// What is mounted, as this process sees it.
pub(crate) fn mounts() -> Result<Vec<Mount>> {
    let table = std::fs::read_to_string("/proc/self/mounts").context("cannot read the mount table")?;
    Ok(table.lines().filter_map(mount).collect())
}

fn mount(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ').skip(1);
    Some(Mount { path: fields.next()?.into(), kind: fields.next()?.to_owned() })
}

/// Holds back other runs on this machine for as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock called `name`, and says so if that takes time.
    pub(crate) fn take(name: &str) -> Result<Self> {
        let path = cache("locks")?.join(name);
        let file = File::create(&path).with_context(|| format!("cannot open the lock {}", path.display()))?;
        if file.try_lock().is_err() {
            eprintln!("waiting for another run that holds {}", path.display());
            file.lock().with_context(|| format!("cannot take the lock {}", path.display()))?;
        }
        Ok(Self { _file: file })
    }
}
