//! `postern man DIR`: the manual pages that packages install, one for each command.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use super::{Cli, Global};
use crate::report::WithHelp;

/// Write the manual pages into a folder
#[derive(Debug, clap::Args)]
pub struct Args {
    dir: PathBuf,
}

impl Args {
    pub fn run(self, _: &Global) -> anyhow::Result<ExitCode> {
        clap_mangen::generate_to(Cli::command(), &self.dir)
            .with_context(|| format!("cannot write manual pages into {}", self.dir.display()))
            .help("give a folder that exists and that you may write to")?;
        Ok(ExitCode::SUCCESS)
    }
}
