//! Waiting for something to become true, instead of for time to pass.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::host;

const STEP: Duration = Duration::from_millis(5);

/// How long anything may take that should happen at once. Emulated guests are slow.
pub fn patience() -> Duration {
    if host::in_guest() { Duration::from_secs(90) } else { Duration::from_secs(15) }
}

/// Looks until there is something to see.
pub fn until<T>(what: &str, look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    within(patience(), what, look)
}

/// As [`until`], with a limit that is part of what is tested.
pub fn within<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if start.elapsed() > limit {
            bail!("waited {limit:?} in vain: {what}");
        }
        thread::sleep(STEP);
    }
}

/// As [`until`], for something that is true or not.
pub fn until_true(what: &str, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    until(what, || Ok(look()?.then_some(())))
}
