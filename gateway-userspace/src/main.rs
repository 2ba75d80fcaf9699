//! `postern`: the gate that an AI agent passes through without knowing it. One binary, one command per
//! file in `cli/`.

// In a binary no item is reachable from outside; `pub` says which ones a module offers to its siblings.
#![allow(unreachable_pub)]

mod attribution;
mod cli;
mod config;
mod doctor;
mod enforce;
mod kernel;
mod mounts;
mod report;
mod sys;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::Cli::parse().run().unwrap_or_else(|error| report::print(&error))
}
