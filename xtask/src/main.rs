//! Developer commands: `cargo xtask …`. Each command is one file of the same name.
//!
//! CI runs `cargo xtask test` and nothing else, so whatever CI does can be repeated here, whole or in parts.

mod bench;
mod build;
mod command;
mod demo;
mod doctor;
mod documents;
mod ebpf;
mod guest;
mod layers;
mod lint;
mod peers;
mod product;
mod regress;
mod setup;
mod stage;
mod tally;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Developer commands", bin_name = "cargo xtask")]
enum Cli {
    /// Measure, beside what the figures ought to be
    Bench(bench::Args),
    #[command(hide = true)]
    BenchPeer(bench::peer::Args),
    /// Build postern as it is installed, and print where it is
    Build(build::Args),
    /// Show on this machine, in a minute, what Postern does
    Demo(demo::Args),
    /// Say whether this machine can build and test Postern
    Doctor(doctor::Args),
    /// Check that what the documents point at is there
    Documents(documents::Args),
    /// Build the kernel object
    Ebpf(ebpf::Args),
    /// Run a command in an emulated Debian guest
    Guest(guest::Args),
    /// Check that pure crates stay pure
    Layers(layers::Args),
    /// Judge the tree without running it: format, clippy, layers, documents, dependencies
    Lint(lint::Args),
    /// Install what building and testing need and this machine lacks
    Setup(setup::Args),
    /// Test everything, or the tiers and suites that are named
    Test(test::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse() {
        Cli::Bench(args) => bench::run(&args),
        Cli::BenchPeer(args) => bench::peer::run(&args),
        Cli::Build(args) => build::run(&args),
        Cli::Demo(args) => demo::run(&args),
        Cli::Doctor(args) => doctor::run(&args),
        Cli::Documents(args) => documents::run(&args),
        Cli::Ebpf(args) => ebpf::run(&args),
        Cli::Guest(args) => guest::run_command(&args),
        Cli::Layers(args) => layers::run(&args),
        Cli::Lint(args) => lint::run(&args),
        Cli::Setup(args) => setup::run(&args),
        Cli::Test(args) => test::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
