//! `postern completions SHELL`: the completion script that packages install.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Global};

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
pub struct Args {
    shell: Shell,
}

impl Args {
    pub fn run(self, _: &Global) -> anyhow::Result<ExitCode> {
        clap_complete::generate(self.shell, &mut Cli::command(), "postern", &mut std::io::stdout());
        Ok(ExitCode::SUCCESS)
    }
}
