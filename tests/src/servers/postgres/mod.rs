//! A real PostgreSQL with a cluster of its own, on both loopback addresses.
//!
//! [`Postgres::start`] is one that trusts everybody. [`Postgres::of`] is one of a given version, with TLS, rules for
//! logins and settings as a test wants them. Both have a superuser `postgres`, and a user `agent` with the password
//! [`PASSWORD`] who owns the database `agent`.

mod certificates;
mod template;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, chown};
use tempfile::TempDir;

use crate::agent::Place;
use crate::daemon::Daemon;
use crate::host::{self, Tag};
use crate::wait;

pub use certificates::{Authority, Identity, Validity};

/// The password of the user `agent`.
pub const PASSWORD: &str = "what the agent never knows";
/// Comes with the package; PostgreSQL refuses to run as root.
const USER: &str = "postgres";

/// Which PostgreSQL. 15 is Debian's; the others are `cargo xtask setup`'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    V15,
    V16,
    V18,
}

impl Version {
    pub const ALL: [Self; 3] = [Self::V15, Self::V16, Self::V18];

    fn programs(self) -> Result<PathBuf> {
        let programs = match self {
            Self::V15 => PathBuf::from("/usr/lib/postgresql/15/bin"),
            Self::V16 => host::peers()?.join("node_modules/postgres-16/native/bin"),
            Self::V18 => host::peers()?.join("node_modules/postgres-18/native/bin"),
        };
        ensure!(
            programs.join("postgres").exists(),
            "there is no PostgreSQL in {}; run cargo xtask setup",
            programs.display()
        );
        Ok(programs)
    }
}

/// A server that is about to be started.
#[derive(Debug)]
pub struct Setup {
    version: Version,
    rules: Vec<String>,
    settings: Vec<String>,
    identity: Option<Identity>,
    client_authority: Option<String>,
}

impl Setup {
    /// A line of pg_hba.conf, such as `hostssl all all all scram-sha-256`. Without any, everybody is trusted.
    pub fn rule(mut self, line: &str) -> Self {
        self.rules.push(line.to_owned());
        self
    }

    /// A setting, such as `max_connections=5`.
    pub fn setting(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    /// TLS with this certificate.
    pub fn tls(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Certificates of clients are believed if this authority has signed them.
    pub fn client_authority(mut self, authority: &Authority) -> Self {
        self.client_authority = Some(authority.pem().to_owned());
        self
    }

    pub fn start(self) -> Result<Postgres> {
        let user = User::from_name(USER)?.context("no PostgreSQL 15 is installed")?;
        let dir = tempfile::Builder::new().prefix(Tag::fresh().as_str()).tempdir()?;
        // Whoever is to trust its certificate looks here.
        host::open_to_all(dir.path())?;
        chown(dir.path(), Some(user.uid), Some(user.gid))?;
        template::copy(self.version, &dir.path().join("data"))?;
        let mut postgres = Postgres {
            version: self.version,
            port: host::free_port()?,
            place: place(&user),
            server: None,
            dir,
        };
        self.write_rules(&postgres)?;
        self.write_settings(&postgres, &user)?;
        postgres.start_again()?;
        Ok(postgres)
    }

    fn write_rules(&self, postgres: &Postgres) -> Result<()> {
        let trust_all = "host all all all trust".to_owned();
        let rules = if self.rules.is_empty() { &[trust_all][..] } else { &self.rules };
        let text = format!("local all all trust\n{}\n", rules.join("\n"));
        fs::write(postgres.data().join("pg_hba.conf"), text).context("cannot write the rules for logins")
    }

    fn write_settings(&self, postgres: &Postgres, user: &User) -> Result<()> {
        let mut lines = vec![
            format!("port={}", postgres.port),
            format!("unix_socket_directories='{}'", postgres.dir.path().display()),
            "listen_addresses='127.0.0.1,::1'".to_owned(),
            "fsync=off\nshared_buffers=16MB\nlogging_collector=off".to_owned(),
        ];
        if let Some(identity) = &self.identity {
            identity.write(postgres.dir.path(), "server", user)?;
            lines.push("ssl=on\nssl_cert_file='../server.crt'\nssl_key_file='../server.key'".to_owned());
        }
        if let Some(authority) = &self.client_authority {
            fs::write(postgres.dir.path().join("clients.crt"), authority)?;
            lines.push("ssl_ca_file='../clients.crt'".to_owned());
        }
        lines.extend(self.settings.iter().cloned());
        fs::write(postgres.data().join("postgresql.auto.conf"), lines.join("\n") + "\n")
            .context("cannot write the settings")
    }
}

#[derive(Debug)]
pub struct Postgres {
    version: Version,
    port: u16,
    place: Place,
    server: Option<Daemon>,
    dir: TempDir,
}

impl Postgres {
    /// PostgreSQL 15, where everybody is trusted.
    pub fn start() -> Result<Self> {
        Self::of(Version::V15).start()
    }

    pub fn of(version: Version) -> Setup {
        Setup { version, rules: Vec::new(), settings: Vec::new(), identity: None, client_authority: None }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// A folder that every user may look into, for a test's own files.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Everything the server has said.
    pub fn log(&self) -> String {
        self.server.as_ref().map(Daemon::log).unwrap_or_default()
    }

    /// What statements print, run by the superuser past every gateway, in the database `agent`.
    pub fn sql(&self, statements: &str) -> Result<String> {
        self.sql_in("agent", statements)
    }

    /// As [`Self::sql`], in any database.
    pub fn sql_in(&self, database: &str, statements: &str) -> Result<String> {
        let output = self.psql(database, &["-XAtqc", statements])?;
        ensure!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    fn psql(&self, database: &str, args: &[&str]) -> Result<Output> {
        let mut psql = Command::new("psql");
        psql.arg("-h").arg(self.dir.path()).args(["-p", &self.port.to_string(), "-U", "postgres"]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-d", database]).args(args).output().context("cannot run psql")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Writes one of its files of configuration, and has them read again.
    pub fn configure(&self, file: &str, text: &str) -> Result<()> {
        fs::write(self.data().join(file), text).with_context(|| format!("cannot write {file}"))?;
        ensure!(self.sql("select pg_reload_conf()")? == "t", "it does not read its files again");
        Ok(())
    }

    /// A program of this version, such as `pg_basebackup`.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        Ok(self.version.programs()?.join(name))
    }

    /// Starts it after [`Self::stop`] or [`Self::kill`], on the same port with the same data.
    pub fn start_again(&mut self) -> Result<()> {
        let mut serve = self.place.command(self.version.programs()?.join("postgres"))?;
        serve.arg("-D").arg(self.data()).current_dir(self.dir.path());
        let server = self.server.insert(Daemon::start("postgres", serve, self.dir.path())?);
        let port = self.port.to_string();
        wait::until_true("PostgreSQL answers", || {
            if let Some(status) = server.ended()? {
                anyhow::bail!("it ended with {status}");
            }
            let mut ready = Command::new("pg_isready");
            Ok(ready.args(["-q", "-p", &port, "-h"]).arg(self.dir.path()).status()?.success())
        })
        .with_context(|| server.log())
    }

    /// Stops it at once; whoever is connected is told.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        kill(Pid::from_raw(i32::try_from(server.pid())?), Signal::SIGQUIT)?;
        wait::until("PostgreSQL stops", || server.ended())?;
        Ok(())
    }

    /// kill -9 of one server process, after which PostgreSQL ends all the others and recovers.
    pub fn kill_backend(&self, pid: i32) -> Result<()> {
        kill(Pid::from_raw(pid), Signal::SIGKILL).context("there is no such server process")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // One that was killed would leave its shared memory behind.
        let stopped = self.stop();
        assert!(stopped.is_ok() || std::thread::panicking(), "PostgreSQL does not stop: {stopped:?}");
    }
}

/// Whom servers run as.
fn place(user: &User) -> Place {
    Place {
        uid: Some(user.uid.as_raw()),
        gid: Some(user.gid.as_raw()),
        dies_with_parent: true,
        ..Place::default()
    }
}
