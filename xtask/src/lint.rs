//! `cargo xtask lint`: everything that is judged without running the product.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::tally::Tally;
use crate::{command, documents, layers, setup, workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

type Check = fn() -> Result<()>;

const CHECKS: [(&str, Check); 5] = [
    ("format", format),
    ("clippy", clippy),
    ("layers", pure_crates_stay_pure),
    ("documents", documents_are_true),
    ("dependencies", dependencies),
];

pub(crate) fn run(_args: &Args) -> Result<ExitCode> {
    let tally = check_all();
    println!("{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs every check, the later ones too when an earlier one fails.
pub(crate) fn check_all() -> Tally {
    let mut tally = Tally::default();
    for (name, check) in CHECKS {
        match check() {
            Ok(()) => {
                println!("lint {name} ... ok");
                tally.add(Tally::PASSED);
            }
            Err(error) => {
                println!("lint {name} ... FAILED: {error:#}");
                tally.add(Tally::FAILED);
            }
        }
    }
    tally
}

fn format() -> Result<()> {
    let root = workspace::root()?;
    for folder in [root.clone(), root.join("gateway-ebpf")] {
        command::run(command::cargo().current_dir(folder).args(["fmt", "--all", "--check"]))?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    command::run(command::product_cargo()?.args([
        "clippy",
        "--quiet",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn pure_crates_stay_pure() -> Result<()> {
    let breaches = layers::breaches()?;
    if !breaches.is_empty() {
        bail!("{}", breaches.join("; "));
    }
    Ok(())
}

fn documents_are_true() -> Result<()> {
    let mistakes = documents::mistakes()?;
    if !mistakes.is_empty() {
        bail!("{}", mistakes.join("; "));
    }
    Ok(())
}

/// Licences, sources and bans by cargo-deny. Advisories need a database from the network and are not looked at here:
/// the same tree must be judged the same way tomorrow.
fn dependencies() -> Result<()> {
    let root = workspace::root()?;
    setup::install_cargo_deny()?;
    let deny = setup::cargo_deny()?;
    for manifest in ["Cargo.toml", "gateway-ebpf/Cargo.toml"] {
        command::run(
            Command::new(&deny)
                .arg("--manifest-path")
                .arg(root.join(manifest))
                .arg("--config")
                .arg(root.join("deny.toml"))
                .args(["--locked", "--log-level", "error", "check", "--hide-inclusion-graph"])
                .args(["licenses", "bans", "sources"]),
        )
        .with_context(|| format!("{manifest} breaks deny.toml"))?;
    }
    Ok(())
}
