//! The two sides of every comparison, and the comparison.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail, ensure};
use gateway_e2e::agent::{Agent, ORDINARY_UID, Place};
use gateway_e2e::gateway::Gateway;
use gateway_e2e::host;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::postgres::{Authority, PASSWORD, Postgres, Validity, Version};

/// The same server by name, over each family of addresses.
pub(crate) const NAMES: [(&str, IpAddr); 2] = [
    ("four.database.example", IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ("six.database.example", IpAddr::V6(Ipv6Addr::LOCALHOST)),
];

/// What the agent has for a password: with it, drivers that insist on SCRAM and on channel binding get both.
pub(crate) const PLACEHOLDER: &str = "a placeholder";

/// Whence a client runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Direct,
    Through,
}

impl Side {
    /// The agent never has the password.
    fn password(self) -> &'static str {
        match self {
            Self::Direct => PASSWORD,
            Self::Through => PLACEHOLDER,
        }
    }
}

/// A server, a gateway in front of it, and an agent.
#[derive(Debug)]
pub(crate) struct Sides {
    pub(crate) server: Postgres,
    pub(crate) gateway: Gateway,
    agent: Agent,
    outside: Place,
}

/// What a client did.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) succeeded: bool,
    pub(crate) output: String,
    pub(crate) complaint: String,
}

/// One for the whole suite.
#[derive(Debug, Default)]
pub(crate) struct Shared(OnceLock<Result<Sides, String>>);

impl Shared {
    pub(crate) fn get(&self) -> Result<&Sides> {
        let made = self.0.get_or_init(|| Sides::start(Version::V18).map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

impl Sides {
    /// A server with TLS that wants a password, however one comes.
    pub(crate) fn start(version: Version) -> Result<Self> {
        let authority = Authority::new("the database's own authority")?;
        let identity = authority.server(&NAMES.map(|(name, _)| name), Validity::Current)?;
        let server = Postgres::of(version).tls(identity).rule("host all all all scram-sha-256").start()?;
        authority.write(&server.folder().join("database.crt"))?;
        Authority::new("somebody else")?.write(&server.folder().join("stranger.crt"))?;
        let gateway = gateway_before(&server)?;
        // The same settings work on both sides, for somebody who trusts the authorities of both.
        let gateways = fs::read_to_string(gateway.folder().join("serve/trust/ca.pem"))?;
        fs::write(server.folder().join("trusted.crt"), authority.pem().to_owned() + &gateways)?;
        let agent = gateway.agent("coder")?;
        let outside = Place {
            uid: Some(ORDINARY_UID),
            hosts_file: Some(gateway.folder().join("hosts")),
            dies_with_parent: true,
            ..Place::default()
        };
        Ok(Self { server, gateway, agent, outside })
    }

    /// Authorities that have signed what a client is shown, on either side.
    pub(crate) fn trusted(&self) -> PathBuf {
        self.server.folder().join("trusted.crt")
    }

    /// An authority that has signed nothing.
    pub(crate) fn stranger(&self) -> PathBuf {
        self.server.folder().join("stranger.crt")
    }

    /// A program on one side, with the environment that clients of PostgreSQL read, and what tests add to it.
    pub(crate) fn command(&self, side: Side, program: &Path) -> Result<Command> {
        let mut command = match side {
            Side::Direct => self.outside.command(program)?,
            Side::Through => self.agent.command(program)?,
        };
        let port = self.server.port().to_string();
        let [(name, _), _] = NAMES;
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
        command.env("PGHOST", name).env("PGPORT", port).env("PGUSER", "agent").env("PGDATABASE", "agent");
        command.env("PGPASSWORD", side.password()).env("PGSSLMODE", "disable").env("PGCONNECT_TIMEOUT", "10");
        command.env("NODE_PATH", host::peers()?.join("node_modules"));
        command.env("NAMES", NAMES.map(|(name, _)| name).join(" "));
        command.env("TRUSTED", self.trusted()).env("STRANGER", self.stranger());
        command.stdin(Stdio::null());
        Ok(command)
    }

    pub(crate) fn run(&self, side: Side, client: &[&str], more: &[(&str, &str)]) -> Result<Seen> {
        let [program, args @ ..] = client else { bail!("which client?") };
        let mut command = self.command(side, Path::new(program))?;
        let output = command.args(args).envs(more.iter().copied()).output();
        let output = output.with_context(|| format!("cannot start {program}"))?;
        Ok(Seen {
            succeeded: output.status.success(),
            output: steady(&String::from_utf8_lossy(&output.stdout)),
            complaint: steady(&String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// Runs a client on both sides. It must succeed, by way of the gateway on one side alone, and print the same.
    pub(crate) fn compare(&self, client: &[&str], more: &[(&str, &str)]) -> Result<Seen> {
        let before = self.gateway.records().opened()?.len();
        let direct = self.run(Side::Direct, client, more)?;
        ensure!(direct.succeeded, "it fails without a gateway:\n{}{}", direct.output, direct.complaint);
        ensure!(!direct.output.is_empty(), "it prints nothing, so nothing can be compared");
        ensure!(self.gateway.records().opened()?.len() == before, "the direct side is not direct");
        let through = self.run(Side::Through, client, more)?;
        ensure!(through.succeeded, "it fails through the gateway:\n{}{}", through.output, through.complaint);
        same("output", &direct.output, &through.output)?;
        same("complaint", &direct.complaint, &through.complaint)?;
        ensure!(self.gateway.records().opened()?.len() > before, "the gateway was never asked");
        Ok(through)
    }
}

/// Nothing is judged: what agents may do is tried elsewhere.
fn gateway_before(server: &Postgres) -> Result<Gateway> {
    let names = NAMES.map(|(name, _)| name);
    let target = format!(
        "[targets.database]\nprotocol = \"postgres\"\nhosts = {names:?}\nports = {port}\n\
         [targets.database.postgres]\nuser = \"agent\"\npassword = \"command:/bin/echo {PASSWORD}\"\n\
         ca = {ca:?}\ndanger_judging = \"off\"\n",
        port = server.port(),
        ca = server.folder().join("database.crt"),
    );
    let plan = NAMES.iter().fold(Plan::new(), |plan, (name, address)| plan.name(name, &[*address]));
    let placeholder = format!("placeholder = \"command:/bin/echo {PLACEHOLDER}\"\n");
    plan.agent_with("coder", &["database"], &placeholder).tables(&target).start()
}

/// Without what differs from run to run: numbers of processes, which come after the word `PID`.
fn steady(said: &str) -> String {
    let (mut steady, mut rest) = (String::new(), said);
    while let Some((before, after)) = rest.split_once(" PID ") {
        steady.extend([before, " PID (some)"]);
        rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    steady + rest
}

fn same(what: &str, direct: &str, through: &str) -> Result<()> {
    if direct == through {
        return Ok(());
    }
    let (mut a, mut b) = (direct.lines(), through.lines());
    for number in 1.. {
        match (a.next(), b.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => bail!("line {number} of its {what} differs:\n direct  {a:?}\n through {b:?}"),
        }
    }
    bail!("its {what} differs in the ends of lines")
}
