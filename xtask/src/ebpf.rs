//! `cargo xtask ebpf`: builds the kernel object, with the toolchain that can.
//!
//! Debian's rustc-web comes with `core` for the BPF target; stable Rust from elsewhere does not. The product itself
//! is built by the ordinary toolchain, which is why this crate is a workspace of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{command, setup, workspace};

pub(crate) const TARGET: &str = "bpfel-unknown-none";
pub(crate) const RUSTC: &str = "/usr/bin/rustc";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> Result<ExitCode> {
    println!("{}", build()?.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the object and returns the copy that belongs to this source tree. `POSTERN_EBPF_OBJECT` set to it makes
/// the product's build take it in.
pub(crate) fn build() -> Result<PathBuf> {
    let linker = setup::bpf_linker()?;
    for tool in [Path::new(RUSTC), &linker] {
        if !tool.exists() {
            bail!("{} is missing; `cargo xtask setup` installs it", tool.display());
        }
    }
    // Source trees share the folder: what one has built must be copied before another builds over it.
    let _lock = workspace::Lock::take("ebpf")?;
    let target_dir = workspace::cache("target-ebpf")?;
    if workspace::in_ci() {
        forget_other_clones(&target_dir)?;
    }
    compile(&linker, &target_dir)?;
    let built = target_dir.join(TARGET).join("release/postern-ebpf");
    copy(&built, &workspace::cache("bpf")?)?;
    copy(&built, &workspace::target_dir()?.join("bpf"))
}

fn compile(linker: &Path, target_dir: &Path) -> Result<()> {
    let flags = [format!("-Clinker={}", linker.display()), "-Clink-arg=--btf".into(), "-Cdebuginfo=2".into()];
    command::run(
        command::fresh_cargo()
            .current_dir(workspace::root()?.join("gateway-ebpf"))
            .args(["build", "--quiet", "--release", "--target", TARGET])
            .env("CARGO_TARGET_DIR", target_dir)
            .env("RUSTC", RUSTC)
            // The BPF target is not a stable one.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")),
    )
    .context("cannot build the kernel object")
}

/// What was compiled from the sources of clones that are gone is of no use to this one.
fn forget_other_clones(target_dir: &Path) -> Result<()> {
    command::run(
        command::fresh_cargo()
            .current_dir(workspace::root()?.join("gateway-ebpf"))
            .args(["clean", "--quiet", "--release", "--target", TARGET])
            .args(["--package", "gateway-ebpf", "--package", "gateway-common"])
            .env("CARGO_TARGET_DIR", target_dir),
    )
}

fn copy(built: &Path, folder: &Path) -> Result<PathBuf> {
    let object = folder.join("postern.bpf.o");
    let bytes = fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    // A new time on the same object would have the product built again.
    if fs::read(&object).is_ok_and(|present| present == bytes) {
        return Ok(object);
    }
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&object, bytes))
        .with_context(|| format!("cannot write {}", object.display()))?;
    Ok(object)
}
