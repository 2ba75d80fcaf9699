//! `postern enforce`.

use std::process::ExitCode;

use super::Global;
use crate::{config::Config, enforce};

/// Put the programs into the kernel, watch the agents' cgroups, and tell the gateway whose connection it has
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        enforce::run(&Config::load(&global.config_dir)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
