//! `postern unlock`: takes away what `postern kill --lock` shut.

use std::process::ExitCode;

use super::Global;
use super::kill::ScopeArgs;
use super::status::screen::printable;
use crate::access::{Unlock, UnlockQuestion};
use crate::control::client;

/// Take a lock away: this very one, and no other; takes the role operator
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let question = UnlockQuestion { scope: self.scope.scope() };
        let lock = client::ask::<Unlock>(&global.load_config()?.serve.control, &question)?;
        if self.json {
            println!("{:#}", serde_json::to_value(&lock)?);
        } else {
            println!("unlocked: {}", printable(&lock.scope.to_string()));
        }
        Ok(ExitCode::SUCCESS)
    }
}
