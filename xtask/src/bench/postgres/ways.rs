//! The server, and the ways to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench::others;
use crate::bench::usage::cpu_seconds;
use crate::stage::Stage;
use crate::stage::cgroup::AgentCgroup;
use crate::stage::postern::Postern;
use crate::stage::postgres;
use crate::stage::process::{Process, as_root, as_user};

const BPFFS: &str = "/sys/fs/bpf/postern-bench";
const CGROUP: &str = "postern-bench";
const LOCALHOST: &str = "127.0.0.1";
/// Whoever comes to the server itself has to log in, as the gateway does for each of its sessions.
const RULES: &str = "host all postgres all trust\nhost all all all scram-sha-256\n";
pub(super) const USER: &str = "bench";
pub(super) const PASSWORD: &str = "bench";
pub(super) const DATABASE: &str = "bench";
/// Rows of a few personal facts, 202 bytes each, as an export would have them.
const WIDE: &str = "create table wide as select 'user' || i || '@example.com' as email, 'Name ' || md5(i::text) as name,
    lpad((i % 1000)::text, 3, '0') || '-' || lpad((i % 100)::text, 2, '0') || '-' || lpad((i % 10000)::text, 4, '0') as ssn,
    '4' || lpad((i::bigint * 1234567 % 1000000000000000)::text, 15, '0') as card,
    'Street ' || i || ' city ' || (i % 1000) || ' country' as addr, md5((i * 3)::text) || ' note text for row ' || i as note
    from generate_series(1, 500000) i; create table copied (like wide); analyze wide";

/// How a client comes to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Direct,
    Pgbouncer,
    Haproxy,
    Postern,
}

pub(super) const WAYS: [Way; 4] = [Way::Direct, Way::Pgbouncer, Way::Haproxy, Way::Postern];

impl Way {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Pgbouncer => "pgbouncer",
            Self::Haproxy => "haproxy",
            Self::Postern => "postern",
        }
    }
}

pub(super) struct Bench {
    pub(super) dir: PathBuf,
    server: SocketAddr,
    pgbouncer: (Process, SocketAddr),
    haproxy: (Process, SocketAddr),
    enforcer: Process,
    gateway: Process,
    agent: AgentCgroup,
    /// Dropped last: it takes down all the others.
    _stage: Stage,
}

impl Bench {
    pub(super) fn set_up(binary: PathBuf) -> Result<Self> {
        let stage = Stage::open()?;
        let dir = stage.folder("postern-bench-")?;
        let server = others::free_address()?;
        start_server(&stage, &dir, server)?;
        let haproxy = others::haproxy(&stage, &dir, server)?;
        let pgbouncer = others::pgbouncer(&stage, &dir, server, (USER, PASSWORD))?;
        let postern = Postern::new(binary, &dir, BPFFS, &policy(server))?;
        let (enforcer, _) = postern.start_enforcer(&stage)?;
        let gateway = postern.launch_gateway(&stage, None)?;
        let agent = AgentCgroup::make(&stage, CGROUP, "one")?;
        Ok(Self { dir, server, pgbouncer, haproxy, enforcer, gateway, agent, _stage: stage })
    }

    /// A client that goes this way, with the environment that clients of PostgreSQL read.
    pub(super) fn client(&self, way: Way, program: &str) -> Command {
        let (mut command, at) = match way {
            Way::Direct => (as_root(), self.server),
            Way::Pgbouncer => (as_root(), self.pgbouncer.1),
            Way::Haproxy => (as_root(), self.haproxy.1),
            Way::Postern => (self.agent.command(), self.server),
        };
        let nobody = as_user("nobody", "nogroup");
        command.arg(nobody.get_program()).args(nobody.get_args()).arg(program).current_dir("/");
        command.env("PGHOST", LOCALHOST).env("PGPORT", at.port().to_string());
        command.env("PGUSER", USER).env("PGDATABASE", DATABASE).env("PGPASSWORD", PASSWORD);
        command.env("PGSSLMODE", "disable");
        command
    }

    /// The processes that stand between client and server.
    pub(super) fn processes(&self, way: Way) -> Vec<u32> {
        match way {
            Way::Direct => Vec::new(),
            Way::Pgbouncer => vec![self.pgbouncer.0.pid],
            Way::Haproxy => vec![self.haproxy.0.pid],
            Way::Postern => vec![self.gateway.pid, self.enforcer.pid],
        }
    }

    pub(super) fn cpu_seconds(&self, way: Way) -> Result<f64> {
        self.processes(way).into_iter().map(cpu_seconds).sum()
    }

    /// Asks the server itself.
    pub(super) fn ask(&self, statement: &str) -> Result<String> {
        postgres::psql(LOCALHOST, self.server.port(), DATABASE, statement)
    }
}

fn start_server(stage: &Stage, dir: &std::path::Path, at: SocketAddr) -> Result<()> {
    let data = dir.join("database");
    postgres::init(&data, RULES)?;
    let port = format!("port={}", at.port());
    let settings = [&port, "listen_addresses=127.0.0.1", "max_connections=1200", "shared_buffers=256MB"];
    let mut server = postgres::server(as_root(), &data, &settings)?;
    let server = Process::start(stage, "PostgreSQL", &mut server, &dir.join("postgres.log"))?;
    let psql = |database: &str, statement: &str| postgres::psql(LOCALHOST, at.port(), database, statement);
    server.wait_for("PostgreSQL", || psql("postgres", "select 1").ok())?;
    psql("postgres", &format!("create role {USER} login password '{PASSWORD}'"))?;
    psql("postgres", &format!("create database {DATABASE} owner {USER}"))?;
    psql(DATABASE, &format!("set role {USER}; {WIDE}"))?;
    let mut fill = Command::new("pgbench");
    fill.args(["-i", "-q", "-s", "10", "-h", LOCALHOST, "-p", &at.port().to_string(), "-U", USER, DATABASE]);
    let filled = fill.env("PGPASSWORD", PASSWORD).output().context("cannot start pgbench")?;
    anyhow::ensure!(filled.status.success(), "pgbench: {}", String::from_utf8_lossy(&filled.stderr));
    Ok(())
}

/// Everything is allowed, and still every statement is read, judged and recorded.
fn policy(server: SocketAddr) -> String {
    let (host, port) = (Ipv4Addr::LOCALHOST, server.port());
    format!(
        "[agents.one]\ncgroup = \"/{CGROUP}/one\"\ntargets = [\"database\"]\n\n\
         [targets.database]\nprotocol = \"postgres\"\nhosts = \"{host}\"\nports = {port}\n\n\
         [targets.database.postgres]\nuser = \"{USER}\"\npassword = \"command:/bin/echo {PASSWORD}\"\n\
         danger_tls = \"disable\"\n\n\
         [rules.everything]\nagents = \"*\"\ntargets = \"*\"\nwhat = \"any\"\neffect = \"allow\"\n"
    )
}
