//! What capture costs: in the kernel, at the gate, in the relay, and at rest.
//!
//! Direct connections are made by the same program outside the agent's cgroup. A peer ends with its round.

mod connects;
mod gate;
mod idle;
mod kernel;
mod rate;
mod relays;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::Args;
use super::peer::Report;
use super::table::Table;
use crate::stage::Stage;
use crate::stage::cgroup::AgentCgroup;
use crate::stage::postern::Postern;
use crate::stage::process::{as_root, as_user};
use crate::{command, ebpf, product, setup};
use servers_in_use::Servers;

const BPFFS: &str = "/sys/fs/bpf/postern-bench";
const CGROUP: &str = "postern-bench";
/// More than 10,000 connections need, each of which is two descriptors of the gateway's.
const DESCRIPTORS: u64 = 100_000;

/// Where measurements take place.
struct Bench {
    stage: Stage,
    postern: Postern,
    dir: PathBuf,
    /// This program, where an ordinary user can start it.
    program: PathBuf,
    agents: [AgentCgroup; 2],
    servers: Servers,
}

/// Who is measured.
#[derive(Debug, Clone, Copy)]
enum From {
    Outside,
    /// The first agent, or the second.
    Agent(usize),
}

mod servers_in_use {
    //! The targets that policy names.

    use std::net::{SocketAddr, TcpStream};
    use std::sync::{Arc, Mutex};

    use anyhow::Result;

    use crate::bench::servers;

    #[derive(Debug)]
    pub(super) struct Servers {
        /// One for each agent, so that a record tells by its port whose connection it must be.
        pub(super) greeters: [SocketAddr; 2],
        pub(super) answerer: SocketAddr,
        pub(super) source: SocketAddr,
        pub(super) keeper: SocketAddr,
        pub(super) kept: Arc<Mutex<Vec<TcpStream>>>,
    }

    impl Servers {
        pub(super) fn start() -> Result<Self> {
            let (keeper, kept) = servers::keeper()?;
            Ok(Self {
                greeters: [servers::greeter()?, servers::greeter()?],
                answerer: servers::answerer()?,
                source: servers::source()?,
                keeper,
                kept,
            })
        }

        /// Agents and targets, as configuration.
        pub(super) fn policy(&self) -> String {
            let ports: Vec<String> = [self.answerer, self.source, self.keeper]
                .iter()
                .chain(&self.greeters)
                .map(|address| address.port().to_string())
                .collect();
            let agent = |name: &str| {
                format!("[agents.{name}]\ncgroup = \"/postern-bench/{name}\"\ntargets = [\"all\"]\n\n")
            };
            let (one, two) = (agent("one"), agent("two"));
            format!(
                "{one}{two}[targets.all]\nprotocol = \"tcp\"\nhosts = \"127.0.0.1\"\nports = [{}]\n",
                ports.join(", ")
            )
        }
    }
}

pub(super) fn measure(args: &Args) -> Result<Table> {
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => {
            setup::install_missing()?;
            product::build(&ebpf::build()?, product::RELEASE)?
        }
    };
    raise_file_limit()?;
    let bench = Bench::set_up(binary)?;
    let mut table = Table::default();
    // While no gateway listens, a stand-in on its port shows what the kernel alone costs.
    connects::measure(&bench, &mut table)?;
    let gateway = bench.postern.launch_gateway(&bench.stage, None)?;
    relays::measure(&bench, gateway.pid, &mut table)?;
    idle::measure(&bench, gateway.pid, &mut table)?;
    rate::measure(&bench, if args.long { 60 } else { 10 }, &mut table)?;
    Ok(table)
}

impl Bench {
    fn set_up(binary: PathBuf) -> Result<Self> {
        let stage = Stage::open()?;
        let folder = stage.folder("postern-bench-")?;
        let program = folder.join("peer");
        std::fs::copy(std::env::current_exe()?, &program)?;
        let servers = Servers::start()?;
        let postern = Postern::new(binary, &folder, BPFFS, &servers.policy())?;
        postern.start_enforcer(&stage)?;
        let agents = [AgentCgroup::make(&stage, CGROUP, "one")?, AgentCgroup::make(&stage, CGROUP, "two")?];
        Ok(Self { stage, postern, dir: folder, program, agents, servers })
    }

    /// Runs one client to its end.
    fn peer(&self, from: From, task: &[&str]) -> Result<Report> {
        let said = command::output(&mut self.peer_command(from, task)?)?;
        serde_json::from_str(&said).context("a client says something else than its figures")
    }

    fn start_peer(&self, from: From, task: &[&str]) -> Result<Child> {
        let mut peer = self.peer_command(from, task)?;
        peer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start a client")
    }

    fn peer_command(&self, from: From, task: &[&str]) -> Result<Command> {
        let mut peer = match from {
            From::Outside => as_root(),
            From::Agent(number) => self.agents.get(number).context("there is no such agent")?.command(),
        };
        let nobody = as_user("nobody", "nogroup");
        peer.arg(nobody.get_program()).args(nobody.get_args()).arg(&self.program);
        peer.arg("bench-peer").args(task);
        Ok(peer)
    }

    /// The median time of one act, in microseconds.
    fn micros(&self, from: From, task: &str, to: SocketAddr, count: u32) -> Result<f64> {
        let report = self.peer(from, &[task, &to.to_string(), &count.to_string()])?;
        Ok(report.median * 1e6)
    }
}

/// The gateway inherits the limit and cannot raise it by itself. A container may not let us either.
fn raise_file_limit() -> Result<()> {
    let raised = setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, DESCRIPTORS);
    raised.or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, file_limit()?, file_limit()?))?;
    Ok(())
}

fn file_limit() -> nix::Result<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).map(|(_, hard)| hard)
}

fn cpu_seconds(pid: u32) -> Result<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))?;
    // The name may contain anything, and ends with the last bracket.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).context("a process without figures")?;
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS_A_SECOND)
}
