//! A fresh cluster of each version, made once and copied for every server: making one takes longer than most tests.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use nix::unistd::{User, chown};

use super::{PASSWORD, USER, Version, place};
use crate::host::{self, Tag};

/// Those of this process. A later test process sweeps them away.
static MADE: Mutex<Vec<(Version, PathBuf)>> = Mutex::new(Vec::new());

pub(super) fn copy(version: Version, to: &Path) -> Result<()> {
    let from = template(version)?;
    let copied = Command::new("cp").args(["--archive", "--reflink=auto"]).arg(from).arg(to).status()?;
    ensure!(copied.success(), "cannot copy the fresh cluster");
    Ok(())
}

fn template(version: Version) -> Result<PathBuf> {
    let mut made = MADE.lock().map_err(|_| anyhow::anyhow!("a test died while it made a cluster"))?;
    if let Some((_, path)) = made.iter().find(|(of, _)| *of == version) {
        return Ok(path.clone());
    }
    let path = make(version)?;
    made.push((version, path.clone()));
    Ok(path)
}

fn make(version: Version) -> Result<PathBuf> {
    let user = User::from_name(USER)?.context("no PostgreSQL 15 is installed")?;
    let dir = std::env::temp_dir().join(Tag::fresh().as_str());
    fs::create_dir(&dir)?;
    host::open_to_all(&dir)?;
    chown(&dir, Some(user.uid), Some(user.gid))?;
    let data = dir.join("data");
    let mut init = place(&user).command(version.programs()?.join("initdb"))?;
    init.arg("-D").arg(&data).args(["--username=postgres", "--auth=trust", "--no-sync"]);
    let output = init.args(["--encoding=UTF8", "--locale=C.UTF-8"]).current_dir(&dir).output()?;
    ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    add_the_agent(version, &user, &data)?;
    Ok(data)
}

/// A server of its own kind, for one user and without a port: it reads statements from its standard input.
fn add_the_agent(version: Version, user: &User, data: &Path) -> Result<()> {
    let mut single = place(user).command(version.programs()?.join("postgres"))?;
    single.args(["--single", "-D"]).arg(data).arg("postgres").current_dir(data);
    single.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut single = single.spawn().context("cannot start PostgreSQL")?;
    let mut input = single.stdin.take().context("it has no input")?;
    writeln!(input, "create role agent login password '{PASSWORD}'")?;
    writeln!(input, "create database agent owner agent")?;
    drop(input);
    let output = single.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && !said.contains("ERROR"), "a fresh cluster: {said}");
    Ok(())
}
