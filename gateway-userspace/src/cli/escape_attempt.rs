//! `postern escape-attempt`: the process that `bypass-test` puts into an agent's cgroup.

use std::process::ExitCode;

use super::Global;
use crate::escapes;

/// Make one escape attempt, told where on standard input
#[derive(Debug, clap::Args)]
pub struct Args {
    name: String,
}

impl Args {
    pub fn run(self, _: &Global) -> anyhow::Result<ExitCode> {
        escapes::attempt_from_standard_input(&self.name)
    }
}
