//! `postern enforce` and `postern serve` under a configuration of our own, beside any other that may run here.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::unistd::{User, chown};
use serde::Deserialize;

use super::Stage;
use super::process::{Process, as_root, as_user};
use crate::command;

/// Exists on every Debian system and owns nothing.
pub(crate) const GATEWAY_USER: &str = "daemon";

/// In doctor's words.
const LEVELS: [&str; 3] = ["cgroup", "unit", "full"];

/// An installation of Postern in one folder.
#[derive(Debug)]
pub(crate) struct Postern {
    pub(crate) binary: PathBuf,
    pub(crate) port: u16,
    dns_port: u16,
    dir: PathBuf,
    bpffs: PathBuf,
    policy: String,
}

/// What the enforcer's canary proved.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) level: String,
    /// Ways out that stay open at this level.
    pub(crate) open: Vec<String>,
}

#[derive(Deserialize)]
struct Finding {
    check: String,
    what: String,
}

impl Postern {
    /// `policy` is the part of the configuration that names agents and targets.
    pub(crate) fn new(binary: PathBuf, dir: &Path, bpffs: &str, policy: &str) -> Result<Self> {
        let (port, dns_port) = free_ports()?;
        let postern = Self {
            binary,
            port,
            dns_port,
            dir: dir.to_owned(),
            bpffs: bpffs.into(),
            policy: policy.to_owned(),
        };
        fs::create_dir_all(postern.config_dir())?;
        // The gateway writes here.
        for folder in ["records", "control", "authority", "trust", "state"].map(|name| dir.join(name)) {
            fs::create_dir_all(&folder)?;
            let user = User::from_name(GATEWAY_USER)?.context("this system has no user `daemon`")?;
            chown(&folder, Some(user.uid), Some(user.gid))?;
        }
        Ok(postern)
    }

    /// Writes a secret that nobody else can read.
    pub(crate) fn keep_for_the_gateway(path: &Path, secret: &str) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        fs::write(path, "")?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let user = User::from_name(GATEWAY_USER)?.context("this system has no user `daemon`")?;
        chown(path, Some(user.uid), Some(user.gid))?;
        fs::write(path, secret).context("cannot write the gateway's secret")
    }

    pub(crate) fn config_dir(&self) -> PathBuf {
        self.dir.join("postern")
    }

    pub(crate) fn enforcer_socket(&self) -> PathBuf {
        self.dir.join("enforce.sock")
    }

    pub(crate) fn records(&self) -> PathBuf {
        self.dir.join("records")
    }

    /// Where the kernel keeps the programs and maps of this installation.
    pub(crate) fn bpffs(&self) -> &Path {
        &self.bpffs
    }

    /// A command of this installation, such as `postern status`.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(self.config_dir()).arg(name);
        command
    }

    /// Starts the enforcer at the best level that this machine has. A lower one than `full` has to be asked for in
    /// the configuration, which is done only after the enforcer has said that it is needed.
    pub(crate) fn start_enforcer(&self, stage: &Stage) -> Result<(Process, Standing)> {
        self.write_config("full")?;
        self.detach_when_done(stage)?;
        let enforcer = self.launch_enforcer(stage)?;
        let standing = self.standing()?;
        if standing.level == "full" {
            return Ok((enforcer, standing));
        }
        enforcer.stop()?;
        self.write_config(&standing.level)?;
        Ok((self.launch_enforcer(stage)?, standing))
    }

    pub(crate) fn launch_enforcer(&self, stage: &Stage) -> Result<Process> {
        let socket = self.enforcer_socket();
        let _ = fs::remove_file(&socket);
        let mut enforce = as_root();
        enforce.arg(&self.binary).arg("--config").arg(self.config_dir()).arg("enforce");
        let process = Process::start(stage, "postern enforce", &mut enforce, &self.dir.join("enforce.log"))?;
        // Its socket is there before agents are let go: questions wait in it until enforcement is proved.
        process.wait_for("the enforcer's answer", || self.standing().ok())?;
        Ok(process)
    }

    /// Starts the gateway as an ordinary user. `hosts`, if given, is its /etc/hosts.
    pub(crate) fn launch_gateway(&self, stage: &Stage, hosts: Option<&Path>) -> Result<Process> {
        let mut serve = match hosts {
            Some(hosts) => with_hosts(hosts),
            None => as_root(),
        };
        let unprivileged = as_user(GATEWAY_USER, GATEWAY_USER);
        serve.arg(unprivileged.get_program()).args(unprivileged.get_args());
        serve.arg(&self.binary).arg("--config").arg(self.config_dir()).arg("serve");
        let process = Process::start(stage, "postern serve", &mut serve, &self.dir.join("serve.log"))?;
        process.wait_for("the gateway's port", || is_listening(self.port).then_some(()))?;
        Ok(process)
    }

    fn standing(&self) -> Result<Standing> {
        // It exits with 1 when something is broken, such as a level below the one asked for.
        let output = self.command("doctor").arg("--json").output().context("cannot start postern doctor")?;
        let findings: Vec<Finding> = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("postern doctor says: {}", String::from_utf8_lossy(&output.stderr)))?;
        let level = findings.iter().find(|finding| finding.check == "level");
        let level = level.and_then(|finding| finding.what.split_once(": "));
        let level = level.filter(|(word, _)| LEVELS.contains(word)).context("doctor names no level")?;
        let open = findings.iter().filter(|finding| finding.check == "open way out");
        Ok(Standing { level: level.0.to_owned(), open: open.map(|finding| finding.what.clone()).collect() })
    }

    fn detach_when_done(&self, stage: &Stage) -> Result<()> {
        let line = |postern: &Self| {
            let mut detach = postern.command("enforce");
            detach.arg("--detach");
            detach
        };
        let bpffs = self.bpffs.clone();
        let mut at_end = line(self);
        stage.set_up("the programs in the kernel", || {
            // What a run that was killed left behind; its programs hold on to nothing that is ours.
            command::output(&mut line(self))?;
            let undo = move || {
                command::output(&mut at_end)?;
                Ok(fs::remove_dir(&bpffs)?)
            };
            Ok(((), Box::new(undo)))
        })
    }

    fn write_config(&self, level: &str) -> Result<()> {
        let danger = match level {
            "full" => String::new(),
            lower => format!("danger_minimum_level = \"{lower}\"\n"),
        };
        let (dir, bpffs, policy) = (self.dir.display(), self.bpffs.display(), &self.policy);
        let (port, dns_port) = (self.port, self.dns_port);
        let text = format!(
            "[enforce]\nbpffs = \"{bpffs}\"\nsocket = \"{dir}/enforce.sock\"\n{danger}\n\
             [serve]\nuser = \"{GATEWAY_USER}\"\nport = {port}\n\
             control = \"{dir}/control/control.sock\"\nrecords = \"{dir}/records\"\n\
             authority = \"{dir}/authority\"\ntrust = \"{dir}/trust\"\nstate = \"{dir}/state\"\n\n\
             [dns]\nport = {dns_port}\n\n{policy}"
        );
        fs::write(self.config_dir().join("postern.toml"), text).context("cannot write the configuration")
    }
}

/// A command in a mount namespace of its own, where /etc/hosts is this file.
pub(crate) fn with_hosts(hosts: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", r#"mount --bind "$0" /etc/hosts && exec "$@""#]).arg(hosts);
    command
}

/// Whether a TCP port of 127.0.0.1 is listened on. Looking is not dialling: a stranger's connection would be recorded.
fn is_listening(port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let address = format!("0100007F:{port:04X}");
    let listens = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next() == Some(&address) && fields.nth(1) == Some("0A")
    };
    table.lines().any(listens)
}

/// Two neighbouring ports that nobody listens on, below those that the kernel gives to clients.
fn free_ports() -> Result<(u16, u16)> {
    let free = |port: &u16| {
        TcpListener::bind(("127.0.0.1", *port)).is_ok() && UdpSocket::bind(("127.0.0.1", *port)).is_ok()
    };
    let pair = (6110..7000).step_by(2).find(|port| free(port) && free(&(port + 1)));
    let port = pair.context("no port from 6110 to 7000 is free")?;
    Ok((port, port + 1))
}
