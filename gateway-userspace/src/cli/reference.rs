//! `postern reference`: the reference of all configuration keys, which stands in docs/configuration.md.

use std::process::ExitCode;

use super::Global;

/// Print the reference of the configuration
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print a JSON Schema of the files instead, for editors
    #[arg(long)]
    schema: bool,
}

impl Args {
    pub fn run(self, _: &Global) -> anyhow::Result<ExitCode> {
        if self.schema {
            print!("{}", crate::config::schema());
        } else {
            print!("{}", crate::config::reference());
        }
        Ok(ExitCode::SUCCESS)
    }
}
