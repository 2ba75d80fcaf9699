//! A real PostgreSQL with a cluster of its own, on both loopback addresses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::unistd::{User, chown};
use tempfile::TempDir;

use crate::agent::Place;
use crate::daemon::Daemon;
use crate::host::{self, Tag};
use crate::wait;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// Comes with the package; PostgreSQL refuses to run as root.
const USER: &str = "postgres";

#[derive(Debug)]
pub struct Postgres {
    port: u16,
    _server: Daemon,
    _dir: TempDir,
}

impl Postgres {
    /// Starts it with a user and a database `agent` that need no password.
    pub fn start() -> Result<Self> {
        let user = User::from_name(USER)?.context("no PostgreSQL 15 is installed")?;
        let dir = tempfile::Builder::new().prefix(Tag::fresh().as_str()).tempdir()?;
        chown(dir.path(), Some(user.uid), Some(user.gid))?;
        let place = Place {
            uid: Some(user.uid.as_raw()),
            gid: Some(user.gid.as_raw()),
            dies_with_parent: true,
            ..Place::default()
        };
        let data = dir.path().join("data");
        init(&place, &data)?;
        let port = host::free_port()?;
        let mut serve = place.command(program("postgres"))?;
        serve.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k"]).arg(dir.path());
        serve.args(["-c", "fsync=off", "-c", "shared_buffers=16MB"]);
        serve.args(["-c", "listen_addresses=127.0.0.1,::1"]).current_dir(dir.path());
        let server = Daemon::start("postgres", serve, dir.path())?;
        wait::until_true("PostgreSQL answers", || {
            let mut ready = Command::new(program("pg_isready"));
            Ok(ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status()?.success())
        })
        .with_context(|| server.log())?;
        Ok(Self { port, _server: server, _dir: dir })
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

fn init(place: &Place, data: &Path) -> Result<()> {
    let mut init = place.command(program("initdb"))?;
    init.arg("-D").arg(data).args(["--username=agent", "--auth=trust", "--no-sync", "--locale=C.UTF-8"]);
    let parent = data.parent().context("the data folder has no parent")?;
    let output = init.current_dir(parent).output()?;
    ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    fs::metadata(data).map(drop).context("initdb made nothing")
}

fn program(name: &str) -> PathBuf {
    Path::new(PROGRAMS).join(name)
}
