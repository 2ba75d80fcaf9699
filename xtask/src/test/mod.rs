//! `cargo xtask test`: everything that CI runs, whole or in parts.
//!
//! Four tiers: `lint` judges the code, `pure` runs tests that need neither privilege nor kernel object, `host` drives
//! the built binary on this machine's kernel, `guest` does the same in emulated Debian guests. What `host` and
//! `guest` run are suites, see `suites.rs`.

mod build;
mod guest;
mod host;
mod plan;
mod pure;
mod stage;
mod suites;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::tally::Tally;
use crate::{lint, setup, workspace};
pub(crate) use host::BTF;

use build::Built;
use plan::{Plan, Tier};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Tiers (lint, pure, host, guest) and suites (capture, attacks, attacks/capture, …); nothing means everything
    #[arg(value_name = "TIER|SUITE")]
    what: Vec<String>,
    /// Which guest to boot; both if not said
    #[arg(long, value_enum, value_name = "KERNEL")]
    kernel: Vec<crate::guest::Kernel>,
    /// Words for the test binaries, such as a part of a test's name
    #[arg(last = true)]
    pass: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let plan = Plan::new(args, suites::discover()?)?;
    // Suites attach to the whole machine, and CI clones share one target folder: one run at a time.
    let _lock = workspace::Lock::take("test")?;
    if plan.needs_product() {
        // The other tiers need no kernel toolchain, and so neither root nor packages.
        setup::install_missing()?;
    }
    if workspace::in_ci() {
        build::forget_other_clones()?;
    }
    let tally = run_tiers(&plan);
    println!("{tally}");
    if tally == Tally::default() {
        bail!("no test was run, so nothing is proved");
    }
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every tier of the plan, the later ones too when an earlier one fails.
fn run_tiers(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    if plan.has(Tier::Lint) {
        tally.add(report("lint", || Ok(lint::check_all())));
    }
    let object = if plan.needs_product() { Some(crate::ebpf::build()) } else { None };
    if plan.has(Tier::Pure) {
        let built_in = object.as_ref().and_then(|object| object.as_deref().ok());
        tally.add(report("pure", || pure::run(built_in, &plan.pass)));
    }
    match object.map(|object| object.and_then(|object| Built::new(plan, &object))) {
        Some(Ok(built)) => tally.add(run_suites(plan, &built)),
        Some(Err(error)) => tally.add(report("build", || Err(error))),
        None => {}
    }
    tally
}

fn run_suites(plan: &Plan, built: &Built) -> Tally {
    let mut tally = Tally::default();
    if plan.has(Tier::Host) {
        tally.add(report("host", || host::run(plan, built)));
    }
    if plan.has(Tier::Guest) {
        for kernel in &plan.kernels {
            tally.add(report(&format!("guest {kernel}"), || guest::run(plan, built, *kernel)));
        }
    }
    tally
}

/// One line for a tier. A tier that could not run, for want of a prerequisite for example, has failed.
fn report(tier: &str, run: impl FnOnce() -> Result<Tally>) -> Tally {
    println!("== {tier}");
    let tally = run().unwrap_or_else(|error| {
        println!("{tier}: {error:#}");
        Tally::FAILED
    });
    println!("== {tier}: {tally}");
    tally
}
