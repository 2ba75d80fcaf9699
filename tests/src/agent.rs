//! Programs inside an agent's cgroup, and elsewhere.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::host::{self, Cgroup};

/// What agents run as: an ordinary user that need not have an account.
pub const ORDINARY_UID: u32 = 1000;

/// Where and as whom a program starts. It is there before its first instruction.
#[derive(Debug, Clone, Default)]
pub struct Place {
    pub cgroup: Option<PathBuf>,
    pub uid: Option<u32>,
    /// The same number as the user's if not said.
    pub gid: Option<u32>,
    /// Seen as /etc/hosts, by this process alone.
    pub hosts_file: Option<PathBuf>,
    /// A network namespace of its own, with nothing but loopback.
    pub own_network: bool,
    /// Killed when the thread that started it ends.
    pub dies_with_parent: bool,
}

impl Place {
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = Command::new(host::tester()?);
        command.arg("enter");
        if let Some(dir) = &self.cgroup {
            command.arg("--cgroup").arg(dir);
        }
        if let Some(uid) = self.uid {
            command.arg("--uid").arg(uid.to_string());
        }
        if let Some(gid) = self.gid {
            command.arg("--gid").arg(gid.to_string());
        }
        if let Some(file) = &self.hosts_file {
            command.arg("--hosts").arg(file);
        }
        if self.own_network {
            command.arg("--own-network");
        }
        if self.dies_with_parent {
            command.arg("--die-with-parent");
        }
        // Wherever the suite was started from may be closed to others.
        command.arg("--").arg(program).current_dir("/");
        Ok(command)
    }
}

/// One cgroup of an agent, and the user its programs run as.
#[derive(Debug)]
pub struct Agent {
    pub cgroup: Cgroup,
    pub place: Place,
}

impl Agent {
    pub fn new(cgroup: Cgroup) -> Self {
        let place = Place {
            cgroup: Some(cgroup.path().to_owned()),
            uid: Some(ORDINARY_UID),
            dies_with_parent: true,
            ..Place::default()
        };
        Self { cgroup, place }
    }

    pub fn as_uid(mut self, uid: u32) -> Self {
        self.place.uid = Some(uid);
        self
    }

    pub fn in_own_network(mut self) -> Self {
        self.place.own_network = true;
        self
    }

    /// A program, to be started by the caller.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        self.place.command(program)
    }

    /// Runs a program to its end.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<Output> {
        let output = self.command(program)?.args(args).stdin(Stdio::null()).output();
        output.with_context(|| format!("cannot run {program}"))
    }

    /// What a program prints. It must succeed.
    pub fn output(&self, program: &str, args: &[&str]) -> Result<String> {
        let output = self.run(program, args)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {args:?} in the agent: {}: {said}", output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// What a command of the tester prints, one line. It must succeed.
    pub fn tester(&self, args: &[&str]) -> Result<String> {
        let program = host::tester()?;
        self.output(program.to_str().context("the tester's path is not text")?, args)
    }

    /// Starts a server that echoes, inside the agent.
    pub fn listen(&self, address: &str, options: &[&str]) -> Result<Listening> {
        Listening::start(self.command(host::tester()?)?, address, options)
    }
}

/// A server that echoes for as long as this is held, in an agent or outside.
#[derive(Debug)]
pub struct Listening {
    pub address: SocketAddr,
    /// Its end is the server's.
    _process: Process,
}

impl Listening {
    fn start(mut command: Command, address: &str, options: &[&str]) -> Result<Self> {
        command.args(["listen", address]).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process(command.spawn().context("cannot start the tester")?);
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().context("it has no output")?).read_line(&mut line)?;
        ensure!(!line.is_empty(), "it cannot listen on {address}");
        Ok(Self { address: line.trim().parse()?, _process: process })
    }
}

/// A process that ends with its owner.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
