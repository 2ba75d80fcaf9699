//! `postern reference`: the reference of all configuration keys, which stands in docs/configuration.md.

use std::process::ExitCode;

use super::Global;

/// Print the reference of the configuration
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    pub fn run(self, _: &Global) -> anyhow::Result<ExitCode> {
        print!("{}", crate::config::reference());
        Ok(ExitCode::SUCCESS)
    }
}
