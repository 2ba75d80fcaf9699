//! `postern enforce`.

use std::process::ExitCode;

use super::Global;
use crate::enforce;

/// Put the programs into the kernel, watch the agents' cgroups, and tell the gateway whose connection it has
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Take the programs out of the kernel and end: from then on no agent is held
    #[arg(long)]
    detach: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.load_config()?;
        if self.detach {
            enforce::detach(&config)?;
        } else {
            enforce::run(&global.config_dir, config)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
