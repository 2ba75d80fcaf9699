//! Suites on this machine and its own kernel.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::build::Built;
use super::plan::Plan;
use super::pure::run_and_count;
use super::stage::Stage;
use crate::tally::Tally;
use crate::{command, workspace};

/// The kernel's own types, which the loader fits the object to.
pub(crate) const BTF: &str = "/sys/kernel/btf/vmlinux";
const BPFFS: &str = "/sys/fs/bpf";
/// A suite that hangs is ended, and has failed.
pub(super) const SUITE_TIMEOUT: &str = "1200";

pub(super) fn run(plan: &Plan, built: &Built) -> Result<Tally> {
    prepare()?;
    let stage = Stage::new(built)?;
    let mut tally = Tally::default();
    for suite in plan.suites.iter().filter(|suite| suite.runs_on_host()) {
        println!("-- {}", suite.path);
        let result = run_suite(built.suite(suite)?, &stage, &plan.pass)?;
        println!("{}: {result}", suite.path);
        tally.add(result);
    }
    Ok(tally)
}

fn run_suite(binary: &Path, stage: &Stage, pass: &[String]) -> Result<Tally> {
    let root = workspace::root()?;
    run_and_count(
        Command::new("timeout")
            .args(["--kill-after=10", SUITE_TIMEOUT])
            .arg(binary)
            .arg("--test-threads=1")
            .args(pass)
            .current_dir(&root)
            .env("POSTERN_BIN", stage.product())
            .env("POSTERN_TESTERS", stage.testers())
            .env("POSTERN_SOURCE", &root)
            .env("POSTERN_PEERS", stage.peers())
            .env("POSTERN_REGRESS", stage.regress())
            .env_remove("POSTERN_GUEST")
            // An error says what failed; where it was made is of use to nobody, at forty lines each.
            .env("RUST_LIB_BACKTRACE", "0"),
    )
}

/// What every suite stands on. Mounting bpffs is the only thing that is put right: nothing on a machine without it
/// can mind.
fn prepare() -> Result<()> {
    if command::output(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("suites attach programs to the kernel and need root");
    }
    let mounts = workspace::mounts()?;
    let mounted = |kind: &str| mounts.iter().any(|mount| mount.kind == kind);
    if !mounted("cgroup2") {
        bail!("no cgroup2 hierarchy is mounted; try: mount -t cgroup2 none /sys/fs/cgroup");
    }
    if !mounted("bpf") {
        println!("mounting bpffs at {BPFFS}");
        command::run(Command::new("mount").args(["-t", "bpf", "-o", "mode=0700", "bpf", BPFFS]))?;
    }
    if !Path::new(BTF).exists() {
        bail!("this kernel has no BTF (CONFIG_DEBUG_INFO_BTF), the kernel object cannot be loaded");
    }
    Ok(())
}
