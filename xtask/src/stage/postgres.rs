//! A PostgreSQL of Debian's, with a cluster of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::unistd::{User, chown};

use super::process::as_user;
use crate::command;

/// Made by the package; PostgreSQL refuses to run as root.
const OWNER: &str = "postgres";

/// A fresh cluster whose superuser is `postgres`, with these rules for logins.
pub(crate) fn init(data: &Path, rules: &str) -> Result<()> {
    fs::create_dir(data)?;
    let owner = User::from_name(OWNER)?.context("the package postgresql has made no user")?;
    chown(data, Some(owner.uid), Some(owner.gid))?;
    let mut initdb = as_user(OWNER, OWNER);
    initdb.arg(programs()?.join("initdb")).arg("--pgdata").arg(data);
    initdb.args(["--username=postgres", "--auth=trust", "--no-sync", "--locale=C.UTF-8"]);
    command::output(initdb.current_dir("/")).context("cannot make a database")?;
    Ok(fs::write(data.join("pg_hba.conf"), rules)?)
}

/// The server, as what a command of root's becomes. It needs to survive nothing.
pub(crate) fn server(mut place: Command, data: &Path, settings: &[&str]) -> Result<Command> {
    let owner = as_user(OWNER, OWNER);
    place.arg(owner.get_program()).args(owner.get_args());
    place.arg(programs()?.join("postgres")).arg("-D").arg(data).current_dir("/");
    for setting in [&["fsync=off", "unix_socket_directories="], settings].concat() {
        place.args(["-c", setting]);
    }
    Ok(place)
}

/// What a statement prints, run by the superuser.
pub(crate) fn psql(host: &str, port: u16, database: &str, statement: &str) -> Result<String> {
    let mut psql = Command::new("/usr/bin/psql");
    psql.args(["-h", host, "-p", &port.to_string(), "-U", "postgres", "-d", database, "-XAtqc", statement]);
    let output = psql.output().context("cannot start psql")?;
    anyhow::ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Debian keeps each version apart; the newest will do.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is not installed")?;
    let version = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .context("PostgreSQL is not installed")?;
    Ok(format!("/usr/lib/postgresql/{version}/bin").into())
}
