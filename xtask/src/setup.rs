//! `cargo xtask setup`: installs what building and testing need and this machine lacks.
//!
//! It says what and why before it does anything, and takes no time when nothing is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{command, workspace};

const BPF_LINKER_VERSION: &str = "0.13.0";
const POLICY: &str = "/usr/sbin/policy-rc.d";
const REFUSE_STARTS: &str = "#!/bin/sh\n# from cargo xtask setup\nexit 101\n";
const CLUSTER_CONFIG: &str = "/etc/postgresql-common/createcluster.conf";

/// Debian packages, each group with its reason.
const PACKAGES: [(&str, &[&str]); 4] = [
    ("a compiler with `core` for the BPF target", &["rustc-web", "libstd-rust-web-dev-bpf"]),
    (
        "bpf-linker is linked against LLVM",
        &["llvm-22-dev", "libpolly-22-dev", "libzstd-dev", "zlib1g-dev", "clang"],
    ),
    (
        "the emulated guests and network namespaces",
        &["qemu-system-x86", "mmdebstrap", "e2fsprogs", "bpftool", "iproute2"],
    ),
    (
        "servers and clients in tests, demo and benchmarks",
        &["postgresql", "postgresql-client", "haproxy", "curl", "python3"],
    ),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> Result<ExitCode> {
    install_missing()?;
    println!("setup: nothing is missing");
    Ok(ExitCode::SUCCESS)
}

/// Where the BPF linker is, or will be.
pub(crate) fn bpf_linker() -> Result<PathBuf> {
    Ok(bpf_linker_root()?.join("bin/bpf-linker"))
}

/// Installs what is missing; as an ordinary user it can only say what root would have to run.
pub(crate) fn install_missing() -> Result<()> {
    let packages = missing_packages()?;
    for (package, why) in &packages {
        println!("setup: {package} is missing: {why}");
    }
    if !packages.is_empty() {
        install_packages(&packages.iter().map(|(package, _)| package.as_str()).collect::<Vec<_>>())?;
    }
    if !bpf_linker()?.exists() {
        println!(
            "setup: bpf-linker {BPF_LINKER_VERSION} is missing: it links the kernel object; this takes minutes"
        );
        install_bpf_linker()?;
    }
    Ok(())
}

/// Names of missing packages, each with what it is for.
pub(crate) fn missing_packages() -> Result<Vec<(String, &'static str)>> {
    let installed = installed_packages()?;
    let mut missing: Vec<_> = PACKAGES
        .iter()
        .flat_map(|(why, names)| names.iter().map(|name| ((*name).to_owned(), *why)))
        .filter(|(name, _)| !installed.contains(name))
        .collect();
    // Whatever node there is will do; only its absence needs a package.
    if command::find("node").is_none() {
        missing.push(("nodejs".to_owned(), "an unmodified node client in tests"));
    }
    Ok(missing)
}

fn installed_packages() -> Result<Vec<String>> {
    let listing = command::output(
        Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status} ${Package}\\n"]),
    )
    .context("cannot list installed packages; setup knows Debian 12 and its relatives only")?;
    Ok(listing.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect())
}

fn install_packages(packages: &[&str]) -> Result<()> {
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--no-install-recommends"]).args(packages);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    if !is_root()? {
        bail!(
            "only root can install packages; run as root:\n  apt-get update\n  {}",
            command::line(&install)
        );
    }
    prevent_default_cluster()?;
    let _quiet = NoServices::begin()?;
    println!("setup: apt-get update");
    command::run(Command::new("apt-get").args(["--quiet", "update"]))?;
    println!("setup: {}", command::line(&install));
    command::run(&mut install)
}

/// Tests start their own PostgreSQL servers. A main cluster that nobody asked for would only take the port.
fn prevent_default_cluster() -> Result<()> {
    let config = Path::new(CLUSTER_CONFIG);
    let packaged = Path::new("/usr/share/postgresql-common").exists();
    if packaged || config.exists() {
        return Ok(());
    }
    println!("setup: {CLUSTER_CONFIG}: create_main_cluster = false");
    config
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(config, "create_main_cluster = false\n"))
        .with_context(|| format!("cannot write {CLUSTER_CONFIG}"))
}

/// Keeps freshly installed packages from starting their services, by Debian's own means.
struct NoServices {
    /// Somebody else's policy is left alone.
    ours: bool,
}

impl NoServices {
    fn begin() -> Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        // One of ours may be left over from a run that was killed.
        let ours = std::fs::read_to_string(POLICY).map_or(true, |text| text == REFUSE_STARTS);
        if ours {
            std::fs::write(POLICY, REFUSE_STARTS)
                .and_then(|()| std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755)))
                .with_context(|| format!("cannot write {POLICY}"))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = std::fs::remove_file(POLICY)
        {
            eprintln!("warning: remove {POLICY} by hand, services cannot start with it: {error}");
        }
    }
}

fn install_bpf_linker() -> Result<()> {
    let mut install = command::fresh_cargo();
    install
        .args(["install", "bpf-linker", "--version", BPF_LINKER_VERSION, "--locked"])
        .args(["--no-default-features", "--features", "llvm-22", "--root"])
        .arg(bpf_linker_root()?)
        .env("LLVM_PREFIX", "/usr/lib/llvm-22");
    println!("setup: {}", command::line(&install));
    command::run(&mut install)
}

fn bpf_linker_root() -> Result<PathBuf> {
    Ok(workspace::cache_root()?.join(format!("bpf-linker-{BPF_LINKER_VERSION}")))
}

fn is_root() -> Result<bool> {
    Ok(command::output(Command::new("id").arg("-u"))?.trim() == "0")
}
