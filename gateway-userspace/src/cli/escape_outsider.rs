//! `postern escape-outsider`: the process that escape attempts try to make use of.

use std::process::ExitCode;

use super::Global;
use crate::escapes;

/// Stand by as a process outside every agent's cgroup, until standard input ends
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    pub fn run(self, _: &Global) -> anyhow::Result<ExitCode> {
        escapes::stand_by_as_outsider()
    }
}
