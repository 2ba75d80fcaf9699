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
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::Args;
use super::peer::Report;
use super::table::Table;
use super::usage::raise_file_limit;
use crate::command;
use crate::stage::Stage;
use crate::stage::cgroup::AgentCgroup;
use crate::stage::postern::Postern;
use crate::stage::process::{as_root, as_user};
use servers_in_use::Servers;

const BPFFS: &str = "/sys/fs/bpf/postern-bench";
const CGROUP: &str = "postern-bench";

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
    raise_file_limit()?;
    let bench = Bench::set_up(args.product()?)?;
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
