//! Two servers, a gateway before them, an agent, and a session that has nothing to do with what is tried.

use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result, anyhow, ensure};
use gateway_audit::event::{Ended, Ending};
use gateway_e2e::agent::{Agent, ORDINARY_UID, Place};
use gateway_e2e::gateway::Gateway;
use gateway_e2e::pipe::{Pipe, outline};
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::postgres::{PASSWORD, Postgres, Version};
use gateway_e2e::wait;

/// The longest message that is read, and as short as it can be set.
pub(crate) const MAX_MESSAGE: usize = 64 * 1024;
pub(crate) const WHO: [(&str, &str); 2] = [("user", "agent"), ("database", "agent")];

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) server: Postgres,
    /// One that tests may stop and kill.
    pub(crate) frail: Mutex<Postgres>,
    pub(crate) gateway: Gateway,
    pub(crate) agent: Agent,
    bystander: Mutex<Pipe>,
}

#[derive(Debug, Default)]
pub(crate) struct Shared(OnceLock<Result<Scene, String>>);

impl Shared {
    pub(crate) fn get(&self) -> Result<&Scene> {
        let made = self.0.get_or_init(|| Scene::start().map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

impl Scene {
    fn start() -> Result<Self> {
        let server = Postgres::of(Version::V18).setting("log_statement=all").start()?;
        let frail = Postgres::of(Version::V16).start()?;
        let plan = Plan::new().serve("login_timeout = \"2s\"").agent("coder", &["server", "frail"]);
        let plan = plan.tables(&target("server", &server)).tables(&target("frail", &frail));
        let gateway = plan.start()?;
        let agent = gateway.agent("coder")?;
        let bystander = Pipe::log_in(&agent.place, address(&server), &WHO)?;
        Ok(Self { server, frail: Mutex::new(frail), gateway, agent, bystander: Mutex::new(bystander) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        address(&self.server)
    }

    /// A connection of the agent on which nothing was said yet.
    pub(crate) fn pipe(&self) -> Result<Pipe> {
        Pipe::open(&self.agent.place, self.address())
    }

    /// A session of the agent.
    pub(crate) fn session(&self) -> Result<Pipe> {
        Pipe::log_in(&self.agent.place, self.address(), &WHO)
    }

    /// A session past the gateway.
    pub(crate) fn direct(&self) -> Result<Pipe> {
        let outside = Place { uid: Some(ORDINARY_UID), dies_with_parent: true, ..Place::default() };
        Pipe::log_in(&outside, self.address(), &WHO)
    }

    pub(crate) fn bystander_is_unharmed(&self) -> Result<()> {
        let mut bystander = self.bystander.lock().map_err(|_| anyhow!("the bystander was harmed before"))?;
        let heard = outline(&bystander.ask("select 6 * 7")?);
        ensure!(heard == "T D C:SELECT 1 Z:I", "the bystander hears {heard}");
        Ok(())
    }

    /// How many connections have ended by now.
    pub(crate) fn endings(&self) -> Result<usize> {
        Ok(self.gateway.records().ended()?.len())
    }

    /// The first ending after so many that fits.
    pub(crate) fn ending_after(&self, count: usize, fits: impl Fn(&Ending) -> bool) -> Result<Ended> {
        let look = || {
            let ended = self.gateway.records().ended()?;
            Ok(ended.into_iter().skip(count).find(|ended| fits(&ended.ending)))
        };
        wait::until("the ending is recorded", look).with_context(|| {
            let ended = self.gateway.records().ended().unwrap_or_default();
            format!("{:?}", ended.into_iter().skip(count).map(|ended| ended.ending).collect::<Vec<_>>())
        })
    }
}

pub(crate) fn address(server: &Postgres) -> SocketAddr {
    ([127, 0, 0, 1], server.port()).into()
}

fn target(name: &str, server: &Postgres) -> String {
    format!(
        "[targets.{name}]\nprotocol = \"postgres\"\nhosts = \"127.0.0.1\"\nports = {}\n\
         [targets.{name}.postgres]\nuser = \"agent\"\npassword = \"command:/bin/echo {PASSWORD}\"\n\
         danger_tls = \"disable\"\ndanger_judging = \"off\"\n\
         max_message = \"64KiB\"\n",
        server.port()
    )
}
