//! Developer commands: `cargo xtask …`. Each command is one file of the same name.
//!
//! CI runs `cargo xtask test` and nothing else, so whatever CI does can be repeated here, whole or in parts.

mod command;
mod ebpf;
mod guest;
mod setup;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Developer commands", bin_name = "cargo xtask")]
enum Cli {
    /// Build the kernel object
    Ebpf(ebpf::Args),
    /// Run a command in an emulated Debian guest
    Guest(guest::Args),
    /// Install what building and testing need and this machine lacks
    Setup(setup::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse() {
        Cli::Ebpf(args) => ebpf::run(&args),
        Cli::Guest(args) => guest::run_command(&args),
        Cli::Setup(args) => setup::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
