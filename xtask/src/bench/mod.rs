//! `cargo xtask bench AREA`: figures of this machine, beside what they ought to be.
//!
//! Only ratios and differences within one run mean anything: everything is measured in turns with what it is compared
//! to, and the median of the rounds is shown.

mod capture;
mod evidence;
mod others;
pub(crate) mod peer;
mod policy;
mod postgres;
mod relay;
mod servers;
mod table;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{command, ebpf, product, setup, workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(value_enum)]
    area: Area,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// More and longer rounds, for figures that are to be kept
    #[arg(long)]
    long: bool,
    /// Measure this postern instead of building a release
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Area {
    /// From an agent's connect to the relayed byte
    Capture,
    /// What a record costs, and its verification
    Evidence,
    /// From facts to a verdict, with few rules and many
    Policy,
    /// Statements, bulk and logins of PostgreSQL, beside pgbouncer and haproxy
    Postgres,
}

impl Args {
    /// The postern that is measured.
    fn product(&self) -> Result<PathBuf> {
        if let Some(binary) = &self.binary {
            return Ok(binary.clone());
        }
        setup::install_missing()?;
        product::build(&ebpf::build()?, product::RELEASE)
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if command::output(std::process::Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("benchmarks put programs into the kernel and need root");
    }
    let _lock = workspace::Lock::take("bench")?;
    let table = match args.area {
        Area::Capture => capture::measure(args)?,
        Area::Evidence => evidence::measure()?,
        Area::Policy => policy::measure()?,
        Area::Postgres => postgres::measure(args)?,
    };
    if args.json {
        println!("{:#}", serde_json::to_value(&table)?);
    } else {
        print!("{table}");
    }
    // A figure may be missed on a busy machine; a wrong result may not.
    Ok(if table.is_correct() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
