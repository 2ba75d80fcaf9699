//! What a process uses, and may use.

use std::path::Path;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than 10,000 connections need, each of which is two descriptors of the gateway's.
const DESCRIPTORS: u64 = 100_000;
const TICKS_A_SECOND: f64 = 100.0;

/// The time that a process has worked so far, threads that have ended included.
pub(super) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))?;
    // The name may contain anything, and ends with the last bracket.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).context("a process without figures")?;
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS_A_SECOND)
}

/// The memory that is the process's own, in KiB.
pub(super) fn memory(pid: u32) -> Result<u64> {
    let rollup = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("smaps_rollup"))?;
    let pss =
        rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("a process without memory")?;
    let number = pss.split_whitespace().next().context("a process without memory")?;
    number.parse().context("memory is told in a new way")
}

/// The gateway inherits the limit and cannot raise it by itself. A container may not let us either.
pub(super) fn raise_file_limit() -> Result<()> {
    let raised = setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, DESCRIPTORS);
    raised.or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, file_limit()?, file_limit()?))?;
    Ok(())
}

pub(super) fn file_limit() -> nix::Result<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).map(|(_, hard)| hard)
}
