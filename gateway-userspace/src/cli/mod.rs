//! The command line. A new command is a file here with `Args` and `Args::run`, its `mod` line and its
//! line in `commands!`.

mod approvals;
mod bypass_test;
mod ca;
mod canary;
mod check;
mod completions;
mod doctor;
mod enforce;
mod escape_attempt;
mod escape_outsider;
mod kill;
mod lease;
mod leases;
mod man;
mod policy;
mod ready;
mod reference;
mod reload;
mod run;
mod serve;
mod sessions;
mod status;
mod target;
mod unlock;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;

/// The gate for AI agents: every connection of a watched agent passes through it, and nothing else gets out.
#[derive(Debug, Parser)]
#[command(name = "postern", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command knows.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// The folder with the configuration; all its *.toml files count
    #[arg(long = "config", value_name = "DIR", default_value = "/etc/postern", global = true)]
    pub config_dir: PathBuf,
}

/// Lists the commands once, for the parser and for the dispatch.
macro_rules! commands {
    ($($(#[$attribute:meta])* $variant:ident($module:ident),)*) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($(#[$attribute])* $variant($module::Args),)*
        }

        impl Command {
            fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
                match self {
                    $(Self::$variant(args) => args.run(global),)*
                }
            }
        }
    };
}

commands! {
    Enforce(enforce),
    Serve(serve),
    #[command(hide = true)]
    Canary(canary),
    Run(run),
    #[command(hide = true)]
    Ready(ready),
    Check(check),
    Target(target),
    Policy(policy),
    Reload(reload),
    Sessions(sessions),
    Status(status),
    Approvals(approvals),
    Lease(lease),
    Leases(leases),
    Kill(kill),
    Unlock(unlock),
    Doctor(doctor),
    BypassTest(bypass_test),
    Ca(ca),
    #[command(hide = true)]
    EscapeAttempt(escape_attempt),
    #[command(hide = true)]
    EscapeOutsider(escape_outsider),
    #[command(hide = true)]
    Completions(completions),
    #[command(hide = true)]
    Man(man),
    #[command(hide = true)]
    Reference(reference),
}

impl Global {
    /// The configuration, or every mistake in it.
    pub fn load_config(&self) -> anyhow::Result<Config> {
        Ok(Config::load(&self.config_dir)?)
    }
}

impl Cli {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        self.command.run(&self.global)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_has_no_contradictions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_is_for() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{} has no sentence", command.get_name());
        }
    }
}
