//! `cargo xtask doctor`: whether this machine can build and test Postern, and what to do where it cannot.
//!
//! It looks and changes nothing. What the product needs from a host that runs it is `postern doctor`.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;

use crate::{command, guest, setup, workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// How one thing is.
enum Finding {
    /// What was found.
    Ok(String),
    /// Some tests cannot run yet, and how to get there.
    Gap { found: String, remedy: String },
    /// Something is there and does not work.
    Broken { found: String, remedy: String },
}

type Look = fn() -> Result<Finding>;

const LOOKS: [(&str, Look); 11] = [
    ("toolchain", toolchain),
    ("bpf compiler", bpf_compiler),
    ("bpf-linker", || tool(&setup::bpf_linker()?)),
    ("cargo-deny", || tool(&setup::cargo_deny()?)),
    ("packages", packages),
    ("peers", peers),
    ("cache", cache),
    ("cgroup2", || mounted("cgroup2", "mount -t cgroup2 none /sys/fs/cgroup")),
    ("bpffs", || mounted("bpf", "mount -t bpf -o mode=0700 bpf /sys/fs/bpf")),
    ("kernel BTF", kernel_btf),
    ("guest", guest),
];

pub(crate) fn run(_args: &Args) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for (name, look) in LOOKS {
        let finding = look().unwrap_or_else(|error| broken(format!("{error:#}"), "see the error"));
        if matches!(finding, Finding::Broken { .. }) {
            code = ExitCode::FAILURE;
        }
        println!("{name:<13} {finding}");
    }
    Ok(code)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok(found) => write!(f, "ok      {found}"),
            Self::Gap { found, remedy } => write!(f, "gap     {found}; {remedy}"),
            Self::Broken { found, remedy } => write!(f, "broken  {found}; {remedy}"),
        }
    }
}

fn gap(found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding::Gap { found: found.into(), remedy: remedy.into() }
}

fn broken(found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding::Broken { found: found.into(), remedy: remedy.into() }
}

/// Installed by setup, so that its absence is only a gap.
fn for_setup(found: impl Into<String>) -> Finding {
    gap(found, "run cargo xtask setup")
}

fn toolchain() -> Result<Finding> {
    let mut found = Vec::new();
    for part in ["--version", "clippy", "fmt"] {
        let mut cargo = command::cargo();
        cargo.arg(part);
        if part != "--version" {
            cargo.arg("--version");
        }
        match first_line(&mut cargo) {
            Some(version) => found.push(version),
            None => {
                return Ok(broken(
                    format!("cargo {part} does not run"),
                    "rustup component add clippy rustfmt",
                ));
            }
        }
    }
    Ok(Finding::Ok(found.join(", ")))
}

fn bpf_compiler() -> Result<Finding> {
    let Some(version) = first_line(Command::new(crate::ebpf::RUSTC).arg("--version")) else {
        return Ok(for_setup(format!("no {}", crate::ebpf::RUSTC)));
    };
    let libraries = command::output(Command::new(crate::ebpf::RUSTC).args(["--print=sysroot"]))?;
    let core = Path::new(libraries.trim()).join("lib/rustlib").join(crate::ebpf::TARGET);
    if !core.exists() {
        return Ok(for_setup(format!("{version} has no `core` for {}", crate::ebpf::TARGET)));
    }
    Ok(Finding::Ok(version))
}

fn tool(path: &Path) -> Result<Finding> {
    if !path.exists() {
        return Ok(for_setup(format!("no {}", path.display())));
    }
    Ok(match first_line(Command::new(path).arg("--version")) {
        Some(version) => Finding::Ok(version),
        None => broken(
            format!("{} does not run", path.display()),
            format!("remove it and run cargo xtask setup: rm {}", path.display()),
        ),
    })
}

fn packages() -> Result<Finding> {
    let missing: Vec<_> = setup::missing_packages()?.into_iter().map(|(name, _)| name).collect();
    if missing.is_empty() {
        return Ok(Finding::Ok("all installed".into()));
    }
    Ok(for_setup(format!("missing: {}", missing.join(" "))))
}

fn peers() -> Result<Finding> {
    let folder = crate::peers::folder()?;
    if folder.exists() {
        return Ok(Finding::Ok(folder.display().to_string()));
    }
    Ok(for_setup(format!("no {}", folder.display())))
}

fn cache() -> Result<Finding> {
    let dir = workspace::cache_root()?;
    if !dir.exists() {
        return Ok(for_setup(format!("nothing yet at {}", dir.display())));
    }
    if tempfile::tempfile_in(&dir).is_err() {
        return Ok(broken(
            format!("cannot write to {}", dir.display()),
            "set POSTERN_CACHE to a folder of yours",
        ));
    }
    let size = command::output(Command::new("du").args(["-sh", "--"]).arg(&dir))?;
    let size = size.split_whitespace().next().unwrap_or_default().to_owned();
    Ok(Finding::Ok(format!("{} ({size})", dir.display())))
}

fn mounted(kind: &str, mount: &str) -> Result<Finding> {
    let mounts = workspace::mounts()?;
    Ok(match mounts.iter().find(|mount| mount.kind == kind) {
        Some(mount) => Finding::Ok(mount.path.display().to_string()),
        None => gap("not mounted", format!("suites on the host need it: {mount}")),
    })
}

fn kernel_btf() -> Result<Finding> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let release = release.trim();
    if Path::new(crate::test::BTF).exists() {
        return Ok(Finding::Ok(release.to_owned()));
    }
    Ok(gap(format!("{release} has none"), "suites run in guests only: cargo xtask test guest"))
}

fn guest() -> Result<Finding> {
    let Some(version) = first_line(Command::new("qemu-system-x86_64").arg("--version")) else {
        return Ok(for_setup("no qemu-system-x86_64"));
    };
    if guest::is_built()? {
        return Ok(Finding::Ok(version));
    }
    Ok(gap(format!("{version}, no image yet"), "built when first needed: cargo xtask guest -- true"))
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}
