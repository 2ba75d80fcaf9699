//! Statements that would do what the rules forbid, written so that whoever matches text does not notice, and harmless
//! ones that look dangerous.
//!
//! Each evasion is tried twice against a real server as its superuser: directly, where it must show that it works, and by
//! an agent through the gate, after which the database, the cluster and the server's files are what they were. Each
//! harmless statement gives the agent exactly what it gives without a gate.

mod evasions;
mod harmless;
mod world;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::wire::{Heard, Step, Wire};
use libtest_mimic::{Arguments, Failed, Trial};

use evasions::{Does, Evasion};
use world::World;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let worlds = Arc::new(Worlds::default());
    let mut trials = Vec::new();
    for evasion in evasions::all() {
        let evasion = Arc::new(evasion);
        let (name, tried, world) = (evasion.name, Arc::clone(&evasion), Arc::clone(&worlds));
        trials.push(Trial::test(format!("works::{name}"), move || told(world.works(&tried))));
        let world = Arc::clone(&worlds);
        trials.push(Trial::test(format!("stopped::{name}"), move || told(world.stopped(&evasion))));
    }
    for (name, text) in harmless::ROWS {
        let world = Arc::clone(&worlds);
        trials.push(Trial::test(format!("harmless::{name}"), move || told(world.same(text))));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn told(outcome: Result<()>) -> Result<(), Failed> {
    outcome.map_err(|error| format!("{error:#}").into())
}

/// One server without a gate, and one behind it. They start when the first test needs them.
#[derive(Debug, Default)]
struct Worlds {
    open: OnceLock<Result<Mutex<World>, String>>,
    gated: OnceLock<Result<Mutex<Gated>, String>>,
}

#[derive(Debug)]
struct Gated {
    world: World,
    agent: Agent,
    _gateway: Gateway,
}

impl Worlds {
    fn works(&self, evasion: &Evasion) -> Result<()> {
        let seen = self.open()?.directly(evasion)?;
        ensure!(seen.proves(evasion.proof), "it does nothing even without a gate: {:?}", seen.heard.errors);
        Ok(())
    }

    fn stopped(&self, evasion: &Evasion) -> Result<()> {
        let mut gated = self.gated()?;
        let Gated { world, agent, _gateway } = &mut *gated;
        let seen = world.through(evasion, agent)?;
        if let Some(harm) = seen.harmed() {
            bail!("{harm}");
        }
        ensure!(!seen.proves(evasion.proof), "it works: {:?}", seen.heard.done);
        ensure!(!seen.heard.errors.is_empty(), "nothing was refused");
        if let Does::Texts(_) = evasion.does
            && !UNREADABLE.contains(&evasion.name)
        {
            ensure!(seen.heard.shows(ALIVE), "the connection is of no more use: {:?}", seen.heard.errors);
        }
        Ok(())
    }

    /// What the agent hears is what anybody hears.
    fn same(&self, text: &str) -> Result<()> {
        let steps = [b"begin".as_slice(), text.as_bytes(), b"rollback"].map(Step::query);
        let direct = {
            let open = self.open()?;
            Wire::log_in(open.address(), &[("user", "postgres"), ("database", "shop")])?.take(&steps)?
        };
        let gated = self.gated()?;
        let through = world::as_agent(&gated.agent, gated.world.address(), &steps)?;
        ensure!(direct.errors.is_empty(), "it is no statement: {:?}", direct.errors);
        ensure!(through.errors.is_empty(), "it was refused: {:?}", through.errors);
        ensure!(answers(&direct) == answers(&through), "the answers differ");
        Ok(())
    }

    fn open(&self) -> Result<MutexGuard<'_, World>> {
        let start = || World::start().map(Mutex::new).map_err(|error| format!("{error:#}"));
        let world = self.open.get_or_init(start).as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn gated(&self) -> Result<MutexGuard<'_, Gated>> {
        let start = || Gated::start().map(Mutex::new).map_err(|error| format!("{error:#}"));
        let gated = self.gated.get_or_init(start).as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(gated.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// After these no text can be read with certainty, so none goes on.
const UNREADABLE: [&str; 2] = ["client_encoding", "client_encoding_by_names"];

/// What is seen of a connection that still answers after a refusal.
const ALIVE: &str = "still alive";

impl Gated {
    fn start() -> Result<Self> {
        let world = World::start().context("no server")?;
        let plan = Plan::new().agent("coder", &["shop"]).tables(&world::configuration(world.port()));
        let gateway = plan.start()?;
        let agent = gateway.agent("coder")?;
        Ok(Self { world, agent, _gateway: gateway })
    }
}

/// The tags and rows, without what differs from session to session.
fn answers(heard: &Heard) -> (&[String], &[u8]) {
    (&heard.done, &heard.bytes)
}
