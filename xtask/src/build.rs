//! `cargo xtask build`: `postern` as it is installed, with the kernel object in it.

use std::process::ExitCode;

use anyhow::Result;

use crate::{ebpf, product, setup};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints where the binary is.
pub(crate) fn run(_args: &Args) -> Result<ExitCode> {
    setup::install_missing()?;
    let object = ebpf::build()?;
    println!("{}", product::build(&object, product::RELEASE)?.display());
    Ok(ExitCode::SUCCESS)
}
