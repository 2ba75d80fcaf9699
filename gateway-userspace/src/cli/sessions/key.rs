//! `postern sessions key`.

use std::process::ExitCode;

use anyhow::Context;
use gateway_audit::layout;
use nix::unistd::{User, chown, geteuid};

use super::Global;
use crate::audit::signing::{make, published};

/// Show the public keys that checkpoints were signed with, or make a new one
///
/// Old public keys stay where they are, since old checkpoints are checked with them. The gateway signs with a new key from
/// its next start.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Make a new key for signing; the old secret one is gone then
    #[arg(long)]
    rotate: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.load_config()?;
        let records = &config.serve.records;
        if self.rotate {
            let folder = records.join(layout::KEYS);
            let _secret = make(&folder).context("cannot make a key")?;
            if geteuid().is_root() {
                let user = User::from_name(&config.serve.user)?.context("there is no user serve.user")?;
                let act = || format!("cannot give the key to `{}`", user.name);
                chown(&folder, Some(user.uid), None).with_context(act)?;
                chown(&folder.join("signing.key"), Some(user.uid), None).with_context(act)?;
            }
            println!("the gateway signs with a new key from its next start");
        }
        for key in published(records).context("cannot read the public keys")? {
            println!("{key}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
