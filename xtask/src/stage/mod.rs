//! Everything a demo or a benchmark sets up on this machine, and its undoing.
//!
//! Whatever is set up brings its undoing along. Undoings run in the opposite order: at the end, after a failure, and
//! on Ctrl-C, SIGTERM or a closed terminal.

pub(crate) mod cgroup;
pub(crate) mod postern;
pub(crate) mod postgres;
pub(crate) mod process;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};
use tempfile::TempDir;

type Undo = Box<dyn FnOnce() -> Result<()> + Send>;

/// What has been set up so far.
pub(crate) struct Stage {
    undoings: Arc<Mutex<Vec<(String, Undo)>>>,
}

impl Stage {
    /// From here on signals that would end this process take down what was set up first.
    pub(crate) fn open() -> Result<Self> {
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        signals.thread_block().context("cannot block signals")?;
        let undoings = Arc::new(Mutex::new(Vec::new()));
        let stage = Self { undoings: Arc::clone(&undoings) };
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            let Ok(signal) = signals.wait() else { return };
            // Held until the process is gone, so that nothing new is set up meanwhile.
            let mut undoings = lock(&undoings);
            undo_all(&mut undoings);
            std::process::exit(128 + signal as i32);
        })?;
        Ok(stage)
    }

    /// Sets something up and remembers how it is undone.
    pub(crate) fn set_up<T>(&self, what: &str, act: impl FnOnce() -> Result<(T, Undo)>) -> Result<T> {
        // Nothing is set up that a signal in this moment would leave behind.
        let mut undoings = lock(&self.undoings);
        let (made, undo) = act().with_context(|| format!("cannot set up {what}"))?;
        undoings.push((what.to_owned(), undo));
        Ok(made)
    }

    /// A folder that everybody may look into: processes on a stage are of several users.
    pub(crate) fn folder(&self, prefix: &str) -> Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        self.set_up("a folder", || {
            let dir = TempDir::with_prefix(prefix)?.keep();
            std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755))?;
            let gone = dir.clone();
            Ok((dir, Box::new(move || Ok(std::fs::remove_dir_all(gone)?))))
        })
    }

    /// Until a signal comes; the signal ends the process.
    pub(crate) fn wait_for_signal(&self) -> ! {
        loop {
            std::thread::park();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        undo_all(&mut lock(&self.undoings));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn undo_all(undoings: &mut Vec<(String, Undo)>) {
    while let Some((what, undo)) = undoings.pop() {
        if let Err(error) = undo() {
            eprintln!("warning: {what} is left behind: {error:#}");
        }
    }
}

/// Asks again and again until the answer is there, or says what was waited for in vain.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if begun.elapsed() > limit {
            bail!("waited {} s in vain for {what}", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_up_last_is_undone_first_and_a_failed_undoing_stops_no_other() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let stage = Stage { undoings: Arc::default() };
        for name in ["network", "server", "client"] {
            let order = Arc::clone(&order);
            let undo: Undo = Box::new(move || {
                lock(&order).push(name);
                if name == "server" { bail!("it hangs") } else { Ok(()) }
            });
            stage.set_up(name, || Ok(((), undo))).unwrap();
        }
        drop(stage);
        assert_eq!(*lock(&order), ["client", "server", "network"]);
    }
}
