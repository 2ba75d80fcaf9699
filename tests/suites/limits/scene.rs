//! A server with a table for each rule, a gateway before it, and an agent.

use std::net::SocketAddr;
use std::sync::OnceLock;

use anyhow::{Result, anyhow, ensure};
use gateway_audit::event::Event;
use gateway_audit::session::Limit;
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::pipe::{Pipe, outline};
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::postgres::{PASSWORD, Postgres, Version};
use gateway_e2e::wait;

const WHO: [(&str, &str); 2] = [("user", "agent"), ("database", "agent")];
const RULES: &str = include_str!("rules.toml");
const TABLES: &str = "
    create table numbers as select n from generate_series(1, 20000) n;
    create table texts as select repeat('x', 1000) as t from generate_series(1, 1000);
    create table rate (id int); create table few (id int); create table careful (id int);
    create table purpose (id int); create table narrow as select n from generate_series(1, 100) n;
    grant select, insert on all tables in schema public to agent";

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) server: Postgres,
    pub(crate) gateway: Gateway,
    agent: Agent,
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
        let server = Postgres::of(Version::V16).start()?;
        server.sql(TABLES)?;
        let target = format!(
            "[targets.server]\nprotocol = \"postgres\"\nhosts = \"127.0.0.1\"\nports = {}\n\
             [targets.server.postgres]\nuser = \"agent\"\npassword = \"command:/bin/echo {PASSWORD}\"\n\
             danger_tls = \"disable\"\n",
            server.port()
        );
        let gateway = Plan::new().agent("coder", &["server"]).tables(&target).tables(RULES).start()?;
        let agent = gateway.agent("coder")?;
        Ok(Self { server, gateway, agent })
    }

    /// A session of the agent.
    pub(crate) fn session(&self) -> Result<Pipe> {
        let address: SocketAddr = ([127, 0, 0, 1], self.server.port()).into();
        Pipe::log_in(&self.agent.place, address, &WHO)
    }

    /// How often a limit was reached, as the records say.
    pub(crate) fn reached(&self, limit: Limit) -> Result<usize> {
        let is_it = |event: &Event| matches!(event, Event::LimitReached(reached) if reached.limit == limit);
        Ok(self.gateway.records().events()?.iter().filter(|event| is_it(event)).count())
    }

    /// Waits until a limit was reached more often than that.
    pub(crate) fn await_reached(&self, limit: Limit, before: usize) -> Result<()> {
        wait::until_true("the limit is recorded", || Ok(self.reached(limit)? > before))
    }
}

/// Demands that this is what comes of a query.
pub(crate) fn hears(pipe: &mut Pipe, query: &str, expected: &str) -> Result<()> {
    let heard = outline(&pipe.ask(query)?);
    ensure!(heard == expected, "{query}: {heard}");
    Ok(())
}

/// Demands that the session goes on.
pub(crate) fn goes_on(pipe: &mut Pipe) -> Result<()> {
    hears(pipe, "select 6 * 7", "T D C:SELECT 1 Z:I")
}
