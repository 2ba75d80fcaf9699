//! Emulated Debian guests with the kernels that customers run: real systemd, cgroup v2 alone, BPF LSM.
//!
//! Emulation rather than KVM: it works on every machine, nested ones included, and the same everywhere.

mod disks;
mod image;
mod machine;
mod store;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::command;

/// A kernel that the image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kernel {
    /// Debian 12
    #[value(name = "6.1")]
    V6_1,
    /// Debian 12 backports
    #[value(name = "6.12")]
    V6_12,
}

impl Kernel {
    pub(crate) const ALL: [Self; 2] = [Self::V6_1, Self::V6_12];

    fn version(self) -> &'static str {
        match self {
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version())
    }
}

/// What a guest is started for.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) kernel: Kernel,
    /// Files of the host, each with its path below the guest's `/job`; modes are kept.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Run by bash as root in `/job`. What it leaves in `$POSTERN_RESULTS` is brought out.
    pub(crate) script: String,
    pub(crate) timeout: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The script's exit status.
    pub(crate) status: i32,
    /// The result files.
    pub(crate) files: TempDir,
}

/// Boots a guest, runs the job to its end and brings back what it left. The console is shown as it goes.
pub(crate) fn run(job: &Job) -> Result<Outcome> {
    let image = image::ready()?;
    let disks = disks::Disks::prepare(job)?;
    machine::boot(&image, job, &disks)?;
    let (status, files) = disks
        .results()
        .with_context(|| format!("the {} guest ended without finishing its job", job.kernel))?;
    Ok(Outcome { status, files })
}

/// Whether the image is in the cache, so that a boot need not wait for it.
pub(crate) fn is_built() -> Result<bool> {
    image::is_built()
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which kernel to boot
    #[arg(long, value_enum, default_value = "6.12")]
    kernel: Kernel,
    /// A file to take along, as HOST:GUEST with GUEST below /job
    #[arg(long, value_name = "HOST:GUEST")]
    copy: Vec<String>,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// The command, run by bash as root in /job
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub(crate) fn run_command(args: &Args) -> Result<ExitCode> {
    let files = args.copy.iter().map(|pair| host_and_guest(pair)).collect::<Result<_>>()?;
    let outcome = run(&Job {
        kernel: args.kernel,
        files,
        script: command::quoted_line(&args.command),
        timeout: Duration::from_secs(args.timeout),
    })?;
    if std::fs::read_dir(outcome.files.path())?.next().is_some() {
        println!("results: {}", outcome.files.keep().display());
    }
    Ok(ExitCode::from(u8::try_from(outcome.status).unwrap_or(u8::MAX)))
}

fn host_and_guest(pair: &str) -> Result<(PathBuf, String)> {
    match pair.split_once(':') {
        Some((host, guest)) if !host.is_empty() && !guest.is_empty() => Ok((host.into(), guest.to_owned())),
        _ => bail!("`{pair}` is not of the form HOST:GUEST"),
    }
}
