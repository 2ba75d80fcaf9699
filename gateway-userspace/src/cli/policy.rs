//! `postern policy`: what the rules say, and what others would, without asking anybody who is running.

mod court;
mod diff;
mod explain;
mod reading;
mod recorded;
mod regions;
mod replay;
mod suggest;
mod test;

use std::process::ExitCode;

use clap::Subcommand;
use gateway_policy::person::Person;

use super::Global;

/// Ask the rules: what they say, what others would have said, what was asked of them
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(explain::Args),
    Test(test::Args),
    Replay(replay::Args),
    Diff(diff::Args),
    Suggest(suggest::Args),
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Explain(args) => args.run(global),
            Command::Test(args) => args.run(global),
            Command::Replay(args) => args.run(global),
            Command::Diff(args) => args.run(global),
            Command::Suggest(args) => args.run(global),
        }
    }
}

/// The person that an agent is supposed to act for.
fn acting_for(subject: Option<&str>, groups: &[String]) -> Option<Person> {
    let subject = subject?.to_owned();
    Some(Person { issuer: String::new(), subject, name: None, email: None, groups: groups.to_vec() })
}
