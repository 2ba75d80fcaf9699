//! `postern canary`: the enforcer's child that tries what must not work.

use std::process::ExitCode;

use super::Global;
use crate::enforce::canary::{self, Lures};

/// Tries what an agent must not be able to do, and says what was refused
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    lures: Lures,
}

impl Args {
    pub fn run(self, _global: &Global) -> anyhow::Result<ExitCode> {
        let refused = canary::sing(&self.lures)?;
        println!("{}", serde_json::to_string(&refused)?);
        Ok(ExitCode::SUCCESS)
    }
}
