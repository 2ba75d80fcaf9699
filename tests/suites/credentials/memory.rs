//! What the services hold in memory cannot be had from outside, in a core or by reading it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use gateway_e2e::daemon::Daemon;
use gateway_e2e::servers::postgres::{PASSWORD, Postgres, Version};

use crate::stage::Stage;

/// A stage whose gateway has a password in use.
fn stage() -> Result<Stage> {
    let server = Postgres::of(Version::V18).rule("host all all all scram-sha-256").start()?;
    let keys =
        format!("user = \"agent\"\npassword = \"command:/bin/echo {PASSWORD}\"\ndanger_tls = \"disable\"");
    let stage = Stage::over(server, &keys)?;
    ensure!(stage.ask(&["select 1"])?.is_ok());
    Ok(stage)
}

fn processes(stage: &Stage) -> Result<[PathBuf; 2]> {
    let folder = |daemon: &Option<Daemon>| {
        let pid = daemon.as_ref().context("it does not run")?.pid();
        anyhow::Ok(PathBuf::from(format!("/proc/{pid}")))
    };
    Ok([folder(&stage.gateway.gateway)?, folder(&stage.gateway.enforcer)?])
}

#[test]
fn neither_service_leaves_a_core() -> Result<()> {
    let stage = stage()?;
    for process in processes(&stage)? {
        let limits = fs::read_to_string(process.join("limits"))?;
        let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
        let core: Vec<_> = core.context("a process without limits")?.split_whitespace().collect();
        ensure!(core == ["0", "0", "bytes"], "{}: {core:?}", process.display());
    }
    Ok(())
}

/// A process that may be dumped and traced by its own user owns its files in /proc; one that may not is root's there.
#[test]
fn the_gateways_own_user_cannot_look_into_it() -> Result<()> {
    let stage = stage()?;
    let [gateway, _] = processes(&stage)?;
    let status = fs::read_to_string(gateway.join("status"))?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:\t")?.split('\t').next());
    let uid = uid.context("a process of nobody")?;
    ensure!(uid != "0", "the gateway runs as root");
    ensure!(fs::metadata(gateway.join("mem"))?.uid() == 0, "its memory is its user's");
    let looked = Command::new("setpriv")
        .args(["--reuid", uid, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "cat"])
        .arg(gateway.join("environ"))
        .output()?;
    ensure!(!looked.status.success() && looked.stdout.is_empty(), "its user reads it");
    Ok(())
}
