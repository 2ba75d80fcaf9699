//! `postern lease`: leave to connect, asked for ahead.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use super::Global;
use super::status::screen::{lease_rows, table};
use crate::access::{self, LeaseShown, RequestQuestion};
use crate::control::client;

/// Ask for a lease: leave for an agent to connect to a target, until a time
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Request(RequestArgs),
}

/// Give an agent a lease; takes the role operator
#[derive(Debug, clap::Args)]
struct RequestArgs {
    /// The agent
    #[arg(long)]
    agent: String,
    /// The target
    #[arg(long)]
    target: String,
    /// The database; any if it is left out
    #[arg(long)]
    database: Option<String>,
    /// What it is for, as it will stand in the records
    #[arg(long)]
    purpose: String,
    /// How long, such as 30m; rules may make it shorter
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let Command::Request(args) = self.command;
        let question = RequestQuestion {
            agent: args.agent,
            target: args.target,
            database: args.database,
            purpose: args.purpose,
            seconds: args.time.as_secs(),
        };
        let lease = client::ask::<access::Request>(&global.load_config()?.serve.control, &question)?;
        show(&lease, args.json)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// One lease.
pub fn show(lease: &LeaseShown, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{:#}", serde_json::to_value(lease)?);
    } else {
        print!("{}", table(lease_rows(std::iter::once(lease))));
    }
    Ok(())
}
