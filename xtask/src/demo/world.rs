//! What lies outside: a network of its own with a PostgreSQL server, a web server, and a place that no agent may reach.
//! It is joined to this machine by one cable and is gone when its first process ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::stage::process::{Process, as_root, as_user};
use crate::stage::{Stage, postgres, wait_for};

/// All from 192.0.2.64/28, which is set aside for documentation (RFC 5737).
const HOST: &str = "192.0.2.65/28";
pub(super) const DATABASE: &str = "192.0.2.66";
pub(super) const WEB: &str = "192.0.2.67";
pub(super) const ELSEWHERE: &str = "192.0.2.68";
const NETWORK: &str = "192.0.2.64/28";
/// The gateway's, and no agent's.
pub(super) const PASSWORD: &str = "only the gateway knows";
const CABLE: &str = "postern-demo";
const WITNESS: &str = include_str!("witness.py");
const PYTHON: &str = "/usr/bin/python3";

#[derive(Debug)]
pub(super) struct World {
    dir: PathBuf,
    namespace: String,
}

impl World {
    pub(super) fn make(stage: &Stage, dir: &Path) -> Result<Self> {
        let mut sleep = as_root();
        sleep.args(["unshare", "--net", "sleep", "infinity"]);
        let first = Process::start(stage, "the outside world", &mut sleep, &dir.join("world.log"))?;
        let namespace = format!("/proc/{}/ns/net", first.pid);
        let ours = fs::read_link("/proc/self/ns/net")?;
        first.wait_for("a network namespace", || fs::read_link(&namespace).ok().filter(|n| *n != ours))?;
        let world = Self { dir: dir.to_owned(), namespace };
        let peer = first.pid.to_string();
        ip(&["link", "add", CABLE, "type", "veth", "peer", "name", "host", "netns", &peer])?;
        ip(&["address", "add", HOST, "dev", CABLE])?;
        ip(&["link", "set", CABLE, "up"])?;
        for address in [DATABASE, WEB, ELSEWHERE] {
            let address = format!("{address}/28");
            command::run(world.inside().args(["ip", "address", "add", &address, "dev", "host"]))?;
        }
        for device in ["lo", "host"] {
            command::run(world.inside().args(["ip", "link", "set", device, "up"]))?;
        }
        // So that its web server needs no privilege.
        let open_ports = "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start";
        command::run(world.inside().args(["sh", "-c", open_ports]))?;
        Ok(world)
    }

    /// A command in that network.
    fn inside(&self) -> Command {
        let mut command = as_root();
        command.arg("nsenter").arg(format!("--net={}", self.namespace)).arg("--");
        command
    }

    /// A fresh PostgreSQL with a table of orders, and its version.
    pub(super) fn start_postgres(&self, stage: &Stage) -> Result<String> {
        let data = self.dir.join("orders-db");
        postgres::init(
            &data,
            &format!("host all gate {NETWORK} scram-sha-256\nhost all postgres {NETWORK} trust\n"),
        )?;
        let listen = format!("listen_addresses={DATABASE}");
        let mut server = postgres::server(self.inside(), &data, &[&listen])?;
        let server = Process::start(stage, "PostgreSQL", &mut server, &self.dir.join("postgres.log"))?;
        server.wait_for("PostgreSQL", || psql("postgres", "select 1").ok())?;
        fill()?;
        let version = psql("orders", "show server_version")?;
        Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
    }

    /// The web server and the place that must not be reached; both see all that arrives.
    pub(super) fn start_services(&self, stage: &Stage) -> Result<Witness> {
        let (web, elsewhere) = (format!("tcp:{WEB}:80"), format!("tcp:{ELSEWHERE}:80"));
        let quic = format!("udp:{ELSEWHERE}:443");
        let witness = Witness::start(stage, self.inside(), &self.dir, "world", &[&web, &elsewhere, &quic])?;
        // The first packet through a new cable may be lost to address resolution.
        let reach = || std::net::TcpStream::connect(format!("{WEB}:80")).ok();
        wait_for("the way to the outside world", std::time::Duration::from_secs(10), reach)?;
        Ok(witness)
    }
}

/// What is in the table, asked by its owner past every gate.
pub(super) fn orders() -> Result<String> {
    psql("orders", "select string_agg(item || ' ' || amount, ', ' order by id) from orders")
}

/// Services that write down all that arrives.
#[derive(Debug)]
pub(super) struct Witness {
    process: Process,
}

impl Witness {
    pub(super) fn start(
        stage: &Stage,
        mut place: Command,
        dir: &Path,
        name: &str,
        services: &[&str],
    ) -> Result<Self> {
        let nobody = as_user("nobody", "nogroup");
        place.arg(nobody.get_program()).args(nobody.get_args());
        place.args([PYTHON, "-c", WITNESS]).args(services);
        let process = Process::start(stage, name, &mut place, &dir.join(format!("{name}.witness")))?;
        process.wait_for("its services", || process.output().contains("ready\n").then_some(()))?;
        Ok(Self { process })
    }

    /// How much has arrived so far at places whose names contain this.
    pub(super) fn arrivals(&self, place: &str) -> usize {
        let output = self.process.output();
        output.lines().filter(|line| line.starts_with("arrived") && line.contains(place)).count()
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    command::run(Command::new("ip").args(arguments))
}

fn fill() -> Result<()> {
    psql("postgres", "create database orders")?;
    psql(
        "orders",
        "create table orders (id int primary key, item text not null, amount numeric not null);
         insert into orders values (1, 'lantern', 24.50), (2, 'rope', 9.80), (3, 'oil', 4.20);
         create role gate login; alter table orders owner to gate",
    )?;
    psql("orders", &format!("alter role gate password '{PASSWORD}'"))?;
    Ok(())
}

/// As the owner of the database, from this machine.
fn psql(database: &str, statement: &str) -> Result<String> {
    postgres::psql(DATABASE, 5432, database, statement)
}
