//! `postern leases`: the leases that are open.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use super::Global;
use super::lease::show;
use super::status::screen::{lease_rows, table};
use crate::access::{Extend, ExtendQuestion, Leases, Revoke, RevokeQuestion};
use crate::control::call::Nothing;
use crate::control::client;

/// List, revoke and extend leases
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what is open; those that end first are first
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a lease back; its sessions end at once
    Revoke {
        /// The lease
        lease: String,
    },
    /// Move the end of a lease that was asked for
    Extend {
        /// The lease
        lease: String,
        /// How long from now, such as 30m; rules may make it shorter
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        time: Duration,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let socket = global.load_config()?.serve.control;
        match self.command {
            Command::List { json } => {
                let shown = client::ask::<Leases>(&socket, &Nothing {})?;
                if json {
                    println!("{:#}", serde_json::to_value(shown)?);
                } else if shown.leases.is_empty() {
                    println!("no lease is open");
                } else {
                    print!("{}", table(lease_rows(shown.leases.iter())));
                }
            }
            Command::Revoke { lease } => {
                client::ask::<Revoke>(&socket, &RevokeQuestion { lease: lease.clone() })?;
                println!("lease {lease} is taken back, and its sessions have ended");
            }
            Command::Extend { lease, time, json } => {
                let question = ExtendQuestion { lease, seconds: time.as_secs() };
                show(&client::ask::<Extend>(&socket, &question)?, json)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
