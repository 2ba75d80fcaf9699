//! Runs attempts inside an agent's cgroup and lets the world say what came of them.

mod legacies;
mod placement;
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;

use super::arena::{Arena, Outsider};
use super::attempt::{Attempt, Legacy, Need, Who};
use super::child::Dress;
use super::outcome::{Claim, Outcome, Verdict};
use super::outsider;
use super::world::{World, random_text};
use crate::config::Config;
use crate::mounts;
use legacies::{Inheritance, Legacies};
use placement::Placement;
use process::Process;

/// How long one attempt may take. Its own waits add up to less, on an emulated machine too.
const LIMIT: Duration = Duration::from_secs(15);
/// How long the world is listened to after an attempt that thinks it got through, and after the last one.
const PATIENCE: Duration = Duration::from_millis(300);

/// Where attempts are made.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The directory of the agent's cgroup.
    pub agent_cgroup: PathBuf,
    /// The directory of a cgroup that is no agent's: usually our own.
    pub outside_cgroup: PathBuf,
    pub gateway_port: Option<u16>,
    /// The ordinary user that attempts run as.
    pub user: u32,
    pub dress: Dress,
}

impl Ground {
    /// The cgroup outside is our own, which the agent's must not contain.
    pub fn new(agent_cgroup: &Path, config: &Config, user: u32, dress: Dress) -> anyhow::Result<Self> {
        let root = mounts::cgroup2_root(config.enforce.cgroup_root.as_deref())?;
        let own = fs::read_to_string("/proc/self/cgroup").context("cannot read our own cgroup")?;
        let own =
            own.lines().find_map(|line| line.strip_prefix("0::/")).context("we are in no cgroup2 cgroup")?;
        let outside_cgroup = root.join(own);
        if outside_cgroup.starts_with(agent_cgroup) {
            bail!("bypass-test was started inside the agent's cgroup {}", agent_cgroup.display());
        }
        let gateway_port = Some(config.serve.port);
        Ok(Self { agent_cgroup: agent_cgroup.to_owned(), outside_cgroup, gateway_port, user, dress })
    }
}

/// What one attempt came to.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub name: &'static str,
    pub vector: &'static str,
    #[serde(rename = "as")]
    pub who: Who,
    pub outcome: Outcome,
    pub verdict: Verdict,
}

/// A world, and an outsider in front of it for each user that attempts run as.
#[derive(Debug)]
pub struct Runner {
    ground: Ground,
    // Before the world, so that it ends before its pipe is removed.
    outsiders: Vec<(Who, Process, Outsider)>,
    world: World,
}

/// An attempt that has been made and not been judged yet.
struct Made {
    attempt: &'static Attempt,
    who: Who,
    token: String,
    /// What stands in the world's books for it if it is not the token.
    alias: Option<String>,
    claim: Result<Claim, String>,
}

impl Runner {
    pub fn new(ground: Ground, as_whom: &[Who]) -> anyhow::Result<Self> {
        let world = World::open()?;
        let mut outsiders = Vec::new();
        for who in as_whom {
            let (process, facts) = outsider_for(&world, *who, ground.user)
                .with_context(|| format!("cannot start an outsider as {who}"))?;
            outsiders.push((*who, process, facts));
        }
        Ok(Self { ground, outsiders, world })
    }

    /// Makes each attempt as each of the users, in order. The verdicts fall at the end, when even the slowest byte
    /// has had time to arrive.
    pub fn run(&self, attempts: &[&'static Attempt]) -> anyhow::Result<Vec<Finding>> {
        let mut all = Vec::new();
        for attempt in attempts {
            for (who, _, outsider) in &self.outsiders {
                let made = self
                    .make(attempt, *who, outsider)
                    .with_context(|| format!("cannot make the attempt {} as {who}", attempt.name))?;
                all.push(made);
            }
        }
        std::thread::sleep(PATIENCE);
        Ok(all.into_iter().map(|made| self.judge(made)).collect())
    }

    fn make(&self, attempt: &'static Attempt, who: Who, outsider: &Outsider) -> anyhow::Result<Made> {
        let token = random_text("pt")?;
        if let (Dress::Confined, Some(why)) = (self.ground.dress, attempt.beyond_confinement()) {
            let claim = Ok(Claim::Unavailable(why.to_owned()));
            return Ok(Made { attempt, who, token, alias: None, claim });
        }
        let inheritance = Inheritance::open(&attempt.legacies(), &self.world, &self.ground)?;
        let arena = self.arena(attempt, &token, outsider, inheritance.numbers())?;
        let _dialler = attempt.dial().map(|how| self.world.dial(how)).transpose()?;
        let placement = Placement::choose(attempt, &self.ground.agent_cgroup)?;
        let mut process = Process::spawn("escape-attempt", Some(attempt.name), inheritance)?;
        let user = (who == Who::User).then_some(self.ground.user);
        let claim = placement.run(&mut process, arena, user, self.ground.dress, LIMIT)?;
        let alias = alias(attempt, &token);
        if matches!(claim, Ok(Claim::Sent)) {
            self.world.arrived(alias.as_ref().unwrap_or(&token), PATIENCE);
        }
        Ok(Made { attempt, who, token, alias, claim })
    }

    fn judge(&self, made: Made) -> Finding {
        let text = made.alias.as_ref().unwrap_or(&made.token);
        let arrived = self.world.arrived(text, Duration::ZERO);
        let outcome = match made.claim {
            Ok(claim) => Outcome::judge(claim, arrived, self.world.secret()),
            Err(_) if !arrived.is_empty() => Outcome::Reached(arrived),
            Err(how) => Outcome::Died(how),
        };
        let verdict = outcome.verdict(made.attempt.goal);
        let Attempt { name, vector, .. } = made.attempt;
        Finding { name, vector, who: made.who, outcome, verdict }
    }

    fn arena(
        &self,
        attempt: &Attempt,
        token: &str,
        outsider: &Outsider,
        inherited: Legacies,
    ) -> anyhow::Result<Arena> {
        let (device, device_index) = self.world.device();
        let bpffs = attempt.needs.contains(&Need::Bpffs).then(|| self.world.bpffs()).transpose()?;
        Ok(Arena {
            token: token.to_owned(),
            world: self.world.neighbour(),
            host: self.world.host(),
            device: device.to_owned(),
            device_index,
            local_port: self.world.local_port(),
            unix: self.world.unix().clone(),
            outsider: outsider.clone(),
            inherited,
            inbound_port: self.world.inbound_port(),
            agent_cgroup: self.ground.agent_cgroup.clone(),
            outside_cgroup: self.ground.outside_cgroup.clone(),
            bpffs,
            gateway_port: self.ground.gateway_port,
        })
    }
}

/// A signal carries a number and not a token.
fn alias(attempt: &Attempt, token: &str) -> Option<String> {
    let digits = super::processes::signal_value(token);
    (attempt.name == super::processes::SIGNAL).then(|| outsider::signal_text(digits))
}

fn outsider_for(world: &World, who: Who, user: u32) -> anyhow::Result<(Process, Outsider)> {
    let socket = legacies::datagrams_to(world)?;
    let fifo = world.shared().join(format!("{who}.fifo"));
    let user = (who == Who::User).then_some(user);
    make_fifo(&fifo, user)?;
    let inheritance = Inheritance::of(Legacy::UdpConnected, socket);
    let number = inheritance.numbers().values().next().copied().context("no socket was opened")?;
    let briefing = outsider::Briefing { user, socket: number, fifo, secret: world.secret().to_owned() };
    let mut process = Process::spawn("escape-outsider", None, inheritance)?;
    process.tell(&serde_json::to_string(&briefing)?)?;
    let facts = process.hear(LIMIT)?.context("the outsider says nothing")?;
    Ok((process, serde_json::from_str(&facts).context("the outsider is not understood")?))
}

fn make_fifo(path: &Path, user: Option<u32>) -> anyhow::Result<()> {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o600))?;
    nix::unistd::chown(path, user.map(nix::unistd::Uid::from_raw), None)?;
    Ok(())
}
