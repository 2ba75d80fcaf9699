//! `postern`: the gate that an AI agent passes through without knowing it. One binary, one command per
//! file in `cli/`.

// In a binary no item is reachable from outside; `pub` says which ones a module offers to its siblings.
#![allow(unreachable_pub)]

mod access;
mod approvals;
mod attribution;
mod audit;
mod cli;
mod config;
mod confine;
mod control;
mod credentials;
mod dns;
mod doctor;
mod enforce;
mod escapes;
mod gateway;
mod https;
mod identity;
mod intercept;
mod kernel;
mod mounts;
mod pipeline;
mod random;
mod reading;
mod relay;
mod report;
mod run;
mod service;
mod session;
mod state;
mod sys;
mod targets;
mod tls;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // The service manager's journal knows the time; a terminal does without.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            EnvFilter::builder()
                .with_default_directive(LevelFilter::INFO.into())
                .with_env_var("POSTERN_LOG")
                .from_env_lossy(),
        )
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .init();
    cli::Cli::parse().run().unwrap_or_else(|error| report::print(&error))
}
