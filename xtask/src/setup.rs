//! `cargo xtask setup`: installs what building and testing need and this machine lacks.
//!
//! It says what and why before it does anything, and takes no time when nothing is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{command, peers, regress, workspace};

const POLICY: &str = "/usr/sbin/policy-rc.d";
const REFUSE_STARTS: &str = "#!/bin/sh\n# from cargo xtask setup\nexit 101\n";
const CLUSTER_CONFIG: &str = "/etc/postgresql-common/createcluster.conf";

/// Debian packages, each group with its reason.
const PACKAGES: [(&str, &[&str]); 7] = [
    ("a compiler with `core` for the BPF target", &["rustc-web", "libstd-rust-web-dev-bpf"]),
    (
        "bpf-linker is linked against LLVM",
        &["llvm-22-dev", "libpolly-22-dev", "libzstd-dev", "zlib1g-dev", "clang"],
    ),
    ("a C compiler for PostgreSQL's grammar, and libclang to make bindings for it", &["gcc", "libclang1-14"]),
    (
        "the emulated guests and network namespaces",
        &["qemu-system-x86", "mmdebstrap", "e2fsprogs", "bpftool", "iproute2"],
    ),
    (
        "servers and clients in tests, demo and benchmarks",
        &["postgresql", "postgresql-client", "postgresql-contrib", "haproxy", "curl", "python3", "bzip2"],
    ),
    ("clients of PostgreSQL in other languages", &["python3-venv", "libpostgresql-jdbc-java"]),
    ("what Postern is measured beside", &["pgbouncer"]),
];

/// Programs that come from elsewhere too, each with its Debian package and its reason.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("node", "nodejs", "an unmodified node client in tests"),
    ("npm", "npm", "it fetches newer PostgreSQL servers and the node client"),
    ("javac", "default-jdk-headless", "an unmodified Java client in tests, from source"),
];

/// A program from crates.io, kept in the cache at exactly this version.
struct Tool {
    name: &'static str,
    version: &'static str,
    why: &'static str,
    features: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const BPF_LINKER: Tool = Tool {
    name: "bpf-linker",
    version: "0.13.0",
    why: "it links the kernel object",
    features: &["--no-default-features", "--features", "llvm-22"],
    environment: &[("LLVM_PREFIX", "/usr/lib/llvm-22")],
};

const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    why: "it checks licences, sources and bans of dependencies",
    features: &[],
    environment: &[],
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> Result<ExitCode> {
    install_missing()?;
    println!("setup: nothing is missing");
    Ok(ExitCode::SUCCESS)
}

/// Where the BPF linker is, or will be.
pub(crate) fn bpf_linker() -> Result<PathBuf> {
    BPF_LINKER.path()
}

/// Where cargo-deny is, or will be.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    CARGO_DENY.path()
}

/// Judging dependencies needs this one tool and no package.
pub(crate) fn install_cargo_deny() -> Result<()> {
    CARGO_DENY.install_if_missing()
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
    for tool in [BPF_LINKER, CARGO_DENY] {
        tool.install_if_missing()?;
    }
    peers::install_if_missing()?;
    regress::install_if_missing()
}

impl Tool {
    fn root(&self) -> Result<PathBuf> {
        Ok(workspace::cache_root()?.join(format!("{}-{}", self.name, self.version)))
    }

    fn path(&self) -> Result<PathBuf> {
        Ok(self.root()?.join("bin").join(self.name))
    }

    fn install_if_missing(&self) -> Result<()> {
        if self.path()?.exists() {
            return Ok(());
        }
        println!("setup: {} {} is missing: {}; this takes minutes, once", self.name, self.version, self.why);
        let mut install = command::fresh_cargo();
        install
            .args(["install", self.name, "--version", self.version, "--locked"])
            .args(self.features)
            .arg("--root")
            .arg(self.root()?)
            .envs(self.environment.iter().copied());
        println!("setup: {}", command::line(&install));
        command::run(&mut install)
    }
}

/// Names of missing packages, each with what it is for.
pub(crate) fn missing_packages() -> Result<Vec<(String, &'static str)>> {
    let installed = installed_packages()?;
    let mut missing: Vec<_> = PACKAGES
        .iter()
        .flat_map(|(why, names)| names.iter().map(|name| ((*name).to_owned(), *why)))
        .filter(|(name, _)| !installed.contains(name))
        .collect();
    // Whatever there is will do; only its absence needs a package.
    let absent = PROGRAMS.iter().filter(|(program, ..)| command::find(program).is_none());
    missing.extend(absent.map(|(_, package, why)| ((*package).to_owned(), *why)));
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

fn is_root() -> Result<bool> {
    Ok(command::output(Command::new("id").arg("-u"))?.trim() == "0")
}
