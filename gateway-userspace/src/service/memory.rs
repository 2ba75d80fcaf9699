//! What a service holds in memory stays there, secrets among it: no core is dumped, and no process without privileges may
//! read it.

use anyhow::Context as _;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};

/// From here on, and for all that the process starts as far as cores go. Call it when the process is whose it stays:
/// changing the user opens its memory again.
pub fn close() -> anyhow::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("cannot forbid core dumps")?;
    prctl::set_dumpable(false).context("cannot close the process's memory")
}
