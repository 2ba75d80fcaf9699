//! `postern policy`: what the rules say of a statement, without asking anybody who is running.

mod explain;
mod test;

use std::process::ExitCode;

use clap::Subcommand;
use gateway_policy::command::State;
use gateway_policy::facts::Facts;
use gateway_policy::person::Person;
use gateway_sql::Catalogue;

use super::Global;
use crate::session::judging::{Reader, Sql};

/// Ask the rules: what they say of a statement, and whether all cases hold
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
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Explain(args) => args.run(global),
            Command::Test(args) => args.run(global),
        }
    }
}

/// The person that an agent is supposed to act for.
fn acting_for(subject: Option<&str>, groups: &[String]) -> Option<Person> {
    let subject = subject?.to_owned();
    Some(Person { issuer: String::new(), subject, name: None, email: None, groups: groups.to_vec() })
}

/// What a statement does in a session that has just begun.
fn facts(statement: &str) -> Facts {
    Sql.read(statement, &State::default(), &Catalogue::absent())
}
