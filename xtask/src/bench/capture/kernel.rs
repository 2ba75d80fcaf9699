//! What the kernel says of our programs and maps, through bpftool.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use crate::command;

const STATS: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The programs of one enforcer, with their clocks running.
#[derive(Debug)]
pub(super) struct Programs {
    ids: Vec<u64>,
}

impl Programs {
    pub(super) fn watch(bench: &Bench) -> Result<Self> {
        let before = std::fs::read_to_string(STATS).context("this kernel keeps no clocks for programs")?;
        bench.stage.set_up("the clocks of programs", || {
            std::fs::write(STATS, "1")?;
            Ok(((), Box::new(move || Ok(std::fs::write(STATS, before)?))))
        })?;
        let mut ids = Vec::new();
        for link in std::fs::read_dir(pins(bench)?.join("links"))? {
            let link = bpftool(&["link", "show", "pinned", &link?.path().to_string_lossy()])?;
            ids.push(link.get("prog_id").and_then(Value::as_u64).context("a link without a program")?);
        }
        Ok(Self { ids })
    }

    /// All the time they have run for, in nanoseconds.
    pub(super) fn clock(&self) -> Result<u64> {
        let mut total = 0;
        for id in &self.ids {
            let program = bpftool(&["prog", "show", "id", &id.to_string()])?;
            // A program that never ran has no clock.
            total += program.get("run_time_ns").and_then(Value::as_u64).unwrap_or_default();
        }
        Ok(total)
    }
}

/// Connections that are written down and not yet accepted.
pub(super) fn pending(bench: &Bench) -> Result<usize> {
    let map = pins(bench)?.join("maps/PENDING");
    let entries = bpftool(&["map", "dump", "pinned", &map.to_string_lossy()])?;
    entries.as_array().map(Vec::len).context("bpftool lists a map in a new way")
}

/// The folder of the one version that is pinned.
fn pins(bench: &Bench) -> Result<PathBuf> {
    let mut versions = std::fs::read_dir(bench.postern.bpffs())?;
    Ok(versions.next().context("nothing is pinned")??.path())
}

fn bpftool(words: &[&str]) -> Result<Value> {
    let said = command::output(Command::new("bpftool").arg("--json").args(words))?;
    serde_json::from_str(&said).context("bpftool says something else than JSON")
}
