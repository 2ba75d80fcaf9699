//! A server with something to lose, and what has become of it.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use gateway_e2e::agent::Agent;
use gateway_e2e::host;
use gateway_e2e::servers::postgres::{Postgres, Version};
use gateway_e2e::wire::{Heard, Step, Wire};
use nix::unistd::User;

use crate::evasions::{Does, Evasion, Proof};

/// What nobody may see, and its disguises: reversed, in hexadecimal, in base64, hashed.
const CARD: [&str; 5] = [
    "MARK-4929-7785",
    "5877-9294-KRAM",
    "4d41524b2d343932392d37373835",
    "TUFSSy00OTI5LTc3ODU=",
    "52674fa1db30ed79bc43818e77785b75",
];
/// A file of the server's that holds a secret of eight letters.
const PRESENT: (&str, &str) = ("present", "psn-file");
const DATABASE: &str = "shop";
const STALL_MS: u64 = 2000;

/// A server, and how it is reached: directly, or by an agent through its gate.
#[derive(Debug)]
pub(crate) struct World {
    server: Postgres,
    /// As it was before anything was tried.
    untouched: String,
}

/// What came of a try.
#[derive(Debug)]
pub(crate) struct Seen {
    pub heard: Heard,
    /// What is different in the database, the cluster or the folder.
    pub changed: Option<String>,
    pub notified: bool,
    pub killed: bool,
}

impl World {
    pub(crate) fn start() -> Result<Self> {
        let server = Postgres::of(Version::V15)
            .setting("max_prepared_transactions=4")
            .setting("wal_level=logical")
            .start()?;
        let loot = server.folder().join("loot");
        fs::create_dir(&loot)?;
        fs::set_permissions(&loot, fs::Permissions::from_mode(0o777))?;
        fs::write(loot.join(PRESENT.0), PRESENT.1)?;
        let owner = User::from_name("postgres")?.context("there is no user postgres")?;
        chown(&loot, Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))?;
        server.sql("create database base")?;
        server.sql_in("base", include_str!("template.sql"))?;
        // The wall is to be the gateway's alone.
        server.sql("alter role agent superuser")?;
        let mut world = Self { server, untouched: String::new() };
        world.reset()?;
        Ok(world)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.server.port()))
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Gives the database its contents back.
    fn reset(&mut self) -> Result<()> {
        self.server.sql(&format!("drop database if exists {DATABASE} with (force)"))?;
        self.server.sql(&format!("create database {DATABASE} template base"))?;
        self.untouched = self.fingerprint()?;
        Ok(())
    }

    /// Tries something as the server's superuser, without a gate.
    pub(crate) fn directly(&mut self, evasion: &Evasion) -> Result<Seen> {
        let address = self.address();
        self.see(evasion, |steps| {
            let mut wire = Wire::log_in(address, &[("user", "postgres"), ("database", DATABASE)])?;
            wire.take(steps)
        })
    }

    /// Tries it as an agent.
    pub(crate) fn through(&mut self, evasion: &Evasion, agent: &Agent) -> Result<Seen> {
        let address = self.address();
        self.see(evasion, |steps| as_agent(agent, address, steps))
    }

    fn see(&mut self, evasion: &Evasion, take: impl FnOnce(&[Step]) -> Result<Heard>) -> Result<Seen> {
        let mut listener = self.bystander()?;
        listener.take(&[Step::query(b"listen out")])?;
        let mut victim = self.bystander()?;
        let pid = victim.take(&[Step::query(b"select 'pid=' || pg_backend_pid() || '='")])?;
        let pid = String::from_utf8_lossy(&pid.bytes).split('=').nth(1).context("no number")?.to_owned();
        let heard = take(&self.steps(evasion, &pid))?;
        let notified = listener.take(&[Step::query(b"select 1")]).is_ok_and(|heard| heard.shows("out\0"));
        let killed = victim.take(&[Step::query(b"select 1")])?.closed;
        let now = self.fingerprint()?;
        let changed = (now != self.untouched).then(|| difference(&self.untouched, &now));
        if changed.is_some() {
            self.reset()?;
        }
        Ok(Seen { heard, changed, notified, killed })
    }

    /// Somebody else who uses the server meanwhile.
    fn bystander(&self) -> Result<Wire> {
        Wire::log_in(self.address(), &[("user", "postgres"), ("database", DATABASE)])
    }

    fn steps(&self, evasion: &Evasion, victim: &str) -> Vec<Step> {
        let fill = |text: &&str| {
            text.replace("{folder}", &self.server.folder().display().to_string())
                .replace("{port}", &self.server.port().to_string())
                .replace("{database}", DATABASE)
                .replace("{victim}", victim)
        };
        match &evasion.does {
            Does::Texts(texts) => {
                let last = ["rollback", "select 'still ' || 'alive'"];
                texts.iter().chain(&last).map(|text| Step::query(fill(text).as_bytes())).collect()
            }
            Does::Steps(steps) => steps.clone(),
        }
    }

    fn fingerprint(&self) -> Result<String> {
        let folder = self.server.folder().join("loot");
        let folder = folder.to_str().context("the folder's name is not text")?;
        self.server.sql_in(DATABASE, &include_str!("fingerprint.sql").replace("FOLDER", folder))
    }
}

/// The same from inside the agent's cgroup, where any login is a placeholder.
pub(crate) fn as_agent(agent: &Agent, address: SocketAddr, steps: &[Step]) -> Result<Heard> {
    let mut tester = agent
        .command(host::tester()?)?
        .args(["sql", &address.to_string(), "user=whoever", &format!("database={DATABASE}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    tester.stdin.take().context("it has no input")?.write_all(&serde_json::to_vec(steps)?)?;
    let output = tester.wait_with_output()?;
    ensure!(output.status.success(), "the agent's client failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The gateway's target, and what the agent may do there.
pub(crate) fn configuration(port: u16) -> String {
    format!(
        "[targets.shop]\nprotocol = \"postgres\"\nhosts = \"127.0.0.1\"\nports = {port}\n\
         [targets.shop.postgres]\nuser = \"agent\"\npassword = \"command:/bin/echo unused\"\ndanger_tls = \"disable\"\n{}",
        include_str!("rules.toml")
    )
}

impl Seen {
    /// Whether the forbidden thing has happened.
    pub(crate) fn proves(&self, proof: Proof) -> bool {
        match proof {
            Proof::Changes => self.changed.is_some(),
            Proof::Leaks => self.leaks(),
            Proof::Heard => self.notified,
            Proof::Kills => self.killed,
            Proof::Stalls => self.heard.took_ms >= STALL_MS,
            Proof::Says(text) => self.heard.shows(text),
        }
    }

    /// Whether anything forbidden has happened, whatever was meant to.
    pub(crate) fn harmed(&self) -> Option<String> {
        if let Some(changed) = &self.changed {
            return Some(format!("it changed {changed}"));
        }
        let harms = [(self.leaks(), "shown the card"), (self.notified, "notified"), (self.killed, "killed")];
        harms.into_iter().find(|(happened, _)| *happened).map(|(_, harm)| format!("it has {harm}"))
    }

    fn leaks(&self) -> bool {
        CARD.iter().any(|form| self.heard.shows(form) || self.heard.shows(&form.to_lowercase()))
    }
}

/// The first line that only one of them has.
fn difference(before: &str, after: &str) -> String {
    let only = |one: &str, other: &str| {
        one.lines().find(|line| !other.lines().any(|has| has == *line)).map(str::to_owned)
    };
    only(before, after).or_else(|| only(after, before)).unwrap_or_else(|| "the order".to_owned())
}
