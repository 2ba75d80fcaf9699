//! `postern sessions`: what was recorded. Each command is a file below `sessions/`.

mod key;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use super::Global;

/// Look at what was recorded, and whether it is still what it was
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Args),
    Key(key::Args),
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Verify(args) => args.run(global),
            Command::Key(args) => args.run(global),
        }
    }
}
