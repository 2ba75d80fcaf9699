//! One enforcer and one gateway under test, with everything that belongs to them alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IoSlice, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, sendmsg, socket,
};
use nix::unistd::{User, chown};
use serde_json::Value;
use tempfile::TempDir;

use crate::agent::{Agent, Place};
use crate::daemon::Daemon;
use crate::host::{self, Cgroup, Tag};
use crate::plan::Plan;
use crate::records::Records;
use crate::wait;

/// What the gateway runs as where there is no `postern`.
const USERS: [&str; 2] = ["postern", "nobody"];

#[derive(Debug)]
pub struct Gateway {
    pub tag: Tag,
    pub port: u16,
    pub dns_port: u16,
    /// Empty while it is down.
    pub enforcer: Option<Daemon>,
    pub gateway: Option<Daemon>,
    user: User,
    dir: TempDir,
}

impl Gateway {
    /// Writes the configuration; nothing runs yet.
    pub fn prepare(plan: Plan) -> Result<Self> {
        host::sweep()?;
        let user = USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
        let user = user.context("this host has neither a user postern nor nobody")?;
        let dir = tempfile::Builder::new().prefix(plan.tag.as_str()).tempdir()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        let gateway = Self {
            port: plan.port.map_or_else(host::free_port, Ok)?,
            dns_port: host::free_port()?,
            tag: plan.tag.clone(),
            enforcer: None,
            gateway: None,
            user,
            dir,
        };
        for folder in ["config", "serve", "serve/records"] {
            fs::create_dir(gateway.dir.path().join(folder))?;
            if folder.starts_with("serve") {
                chown(&gateway.dir.path().join(folder), Some(gateway.user.uid), Some(gateway.user.gid))?;
            }
        }
        fs::write(gateway.dir.path().join("hosts"), &plan.hosts_file)?;
        gateway.write_config(&plan)?;
        Ok(gateway)
    }

    fn write_config(&self, plan: &Plan) -> Result<()> {
        let dir = self.dir.path().display();
        let services = format!(
            "[enforce]\nbpffs = {bpffs:?}\nsocket = \"{dir}/enforce.sock\"\ndanger_minimum_level = \"cgroup\"\n\
             [serve]\nuser = {user:?}\nport = {port}\ncontrol = \"{dir}/serve/control.sock\"\n\
             records = \"{dir}/serve/records\"\nlogins = \"{dir}/serve/logins\"\n\
             authority = \"{dir}/serve/authority\"\ntrust = \"{dir}/serve/trust\"\n\
             state = \"{dir}/serve/state\"\n{more}\
             [dns]\nport = {dns}\n",
            bpffs = self.tag.bpffs(),
            user = self.user.name,
            port = self.port,
            more = plan.serve,
            dns = self.dns_port,
        );
        fs::write(self.config_dir().join("services.toml"), services)?;
        fs::write(self.config_dir().join("agents.toml"), &plan.agents_and_targets)?;
        Ok(())
    }

    pub fn config_dir(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    /// A folder for a test's own files, removed in the end.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub fn start_enforcer(&mut self) -> Result<()> {
        let place = Place { dies_with_parent: true, ..Place::default() };
        self.enforcer = Some(Daemon::start("enforce", self.service(&place, "enforce")?, self.dir.path())?);
        wait::until("the enforcer answers", || {
            still_runs(self.enforcer.as_mut())?;
            Ok(self.enforcer_status().ok())
        })?;
        Ok(())
    }

    pub fn start_gateway(&mut self) -> Result<()> {
        self.gateway =
            Some(Daemon::start("serve", self.service(&self.gateway_place(), "serve")?, self.dir.path())?);
        wait::until("the gateway answers", || {
            still_runs(self.gateway.as_mut())?;
            let answers = self.status().is_ok_and(|status| status.pointer("/enforcer/answers").is_some());
            Ok(answers.then_some(()))
        })
        .with_context(|| format!("it says {:?}, and said {}", self.status(), said(self.gateway.as_ref())))
    }

    fn gateway_place(&self) -> Place {
        Place {
            uid: Some(self.user.uid.as_raw()),
            gid: Some(self.user.gid.as_raw()),
            hosts_file: Some(self.dir.path().join("hosts")),
            dies_with_parent: true,
            ..Place::default()
        }
    }

    fn service(&self, place: &Place, name: &str) -> Result<Command> {
        let mut command = place.command(host::postern()?)?;
        command.arg(name).arg("--config").arg(self.config_dir());
        Ok(command)
    }

    /// Runs a command of the product to its end.
    pub fn postern(&self, args: &[&str]) -> Result<Output> {
        let mut command = Command::new(host::postern()?);
        command.args(args).arg("--config").arg(self.config_dir()).output().context("cannot run postern")
    }

    /// Runs a gateway that is expected to end by itself.
    pub fn serve_in_vain(&self) -> Result<Output> {
        let mut command = self.service(&self.gateway_place(), "serve")?;
        command.output().context("cannot run postern serve")
    }

    /// Stops the enforcer and starts another over what it left, as an upgrade does.
    pub fn replace_enforcer(&mut self) -> Result<()> {
        self.enforcer.as_mut().context("no enforcer runs")?.stop()?;
        self.start_enforcer()
    }

    /// How many entries each of the enforcer's maps of connections and cgroups has.
    pub fn map_entries(&self) -> Result<BTreeMap<String, usize>> {
        let count = |name: &str| {
            let path = self.tag.bpffs().join("v1/maps").join(name);
            let dump = Command::new("bpftool").args(["-j", "map", "dump", "pinned"]).arg(path).output();
            let dump = dump.context("cannot run bpftool")?;
            ensure!(dump.status.success(), "bpftool: {}", String::from_utf8_lossy(&dump.stderr));
            let entries: Vec<Value> = serde_json::from_slice(&dump.stdout)?;
            Ok((name.to_owned(), entries.len()))
        };
        ["WATCHED", "NETNS", "PENDING"].into_iter().map(count).collect()
    }

    /// A new cgroup of this agent, and programs to run in it.
    pub fn agent(&self, name: &str) -> Result<Agent> {
        let unique = Tag::fresh();
        Ok(Agent::new(Cgroup::make(&self.cgroup_name(name, unique.as_str()))?))
    }

    /// A name that is this agent's by its pattern.
    pub fn cgroup_name(&self, agent: &str, rest: &str) -> String {
        format!("{}-{agent}.{rest}", self.tag.as_str())
    }

    pub fn records(&self) -> Records {
        Records::at(self.dir.path().join("serve/records"))
    }

    /// How the enforcer says it stands.
    pub fn enforcer_status(&self) -> Result<Value> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let enforcer = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
        connect(enforcer.as_raw_fd(), &UnixAddr::new(&self.dir.path().join("enforce.sock"))?)?;
        let question = [IoSlice::new(br#"{"status":{"after":null}}"#)];
        sendmsg::<()>(enforcer.as_raw_fd(), &question, &[], MsgFlags::MSG_NOSIGNAL, None)?;
        let mut buffer = vec![0; 64 * 1024];
        let length = recv(enforcer.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let answer: Value = serde_json::from_slice(buffer.get(..length).unwrap_or_default())?;
        let status = answer.pointer("/status/status").cloned();
        status.with_context(|| format!("the enforcer says {answer}"))
    }

    /// How the gateway says it stands.
    pub fn status(&self) -> Result<Value> {
        let mut stream = UnixStream::connect(self.dir.path().join("serve/control.sock"))?;
        stream.set_read_timeout(Some(wait::patience()))?;
        stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: postern\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        ensure!(head.starts_with("HTTP/1.1 200 "), "the gateway says {answer}");
        Ok(serde_json::from_str(body)?)
    }

    /// `full`, `unit` or `cgroup`.
    pub fn level(&self) -> Result<String> {
        let status = self.enforcer_status()?;
        Ok(status.get("level").and_then(Value::as_str).unwrap_or("none").to_owned())
    }

    /// Ids of the cgroups that the enforcer watches.
    pub fn watched(&self) -> Result<Vec<u64>> {
        let status = self.enforcer_status()?;
        let agents = status.get("agents").and_then(Value::as_array).context("a status without agents")?;
        let cgroups = agents.iter().filter_map(|agent| agent.get("cgroups")?.as_array()).flatten();
        Ok(cgroups.filter_map(|cgroup| cgroup.get("id")?.as_u64()).collect())
    }

    /// kill -9, as a crash would.
    pub fn kill_gateway(&mut self) -> Result<()> {
        self.gateway.take().context("no gateway runs")?.kill()
    }

    pub fn kill_enforcer(&mut self) -> Result<()> {
        self.enforcer.take().context("no enforcer runs")?.kill()
    }

    /// Stops what runs, takes the programs out of the kernel, and makes sure that nothing is left.
    fn end(&mut self) -> Result<()> {
        for daemon in [&mut self.gateway, &mut self.enforcer] {
            if let Some(daemon) = daemon {
                daemon.stop()?;
            }
            *daemon = None;
        }
        let detached = self.postern(&["enforce", "--detach"])?;
        ensure!(detached.status.success(), "--detach: {}", String::from_utf8_lossy(&detached.stderr));
        fs::remove_dir(self.tag.bpffs()).context("--detach leaves pins")?;
        wait::until_true("no process is left", || Ok(processes_with(self.tag.as_str())?.is_empty()))
            .with_context(|| format!("{:?}", processes_with(self.tag.as_str())))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let ended = self.end();
        assert!(ended.is_ok() || std::thread::panicking(), "the gateway cannot be cleared away: {ended:?}");
    }
}

fn said(daemon: Option<&Daemon>) -> String {
    daemon.map(Daemon::log).unwrap_or_default()
}

fn still_runs(daemon: Option<&mut Daemon>) -> Result<()> {
    let daemon = daemon.context("it was not started")?;
    match daemon.ended()? {
        Some(status) => bail!("it ended with {status}, having said:\n{}", daemon.log()),
        None => Ok(()),
    }
}

/// Command lines of all processes in which `text` occurs.
fn processes_with(text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) {
            found.push(line);
        }
    }
    Ok(found)
}
