//! Starting, dying, coming back: whatever happens to the two processes, agents are cut off and never released.

mod configuration;
mod crashes;
mod load;
mod stopping;
mod upgrade;

use anyhow::Result;
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::Echo;

/// One agent that may reach `target`; `outsider` is what it would reach if it were released.
struct Scene {
    agent: Agent,
    gateway: Gateway,
    target: Echo,
    outsider: Echo,
}

impl Scene {
    fn set() -> Result<Self> {
        let (target, outsider) = (Echo::start()?, Echo::start()?);
        let plan = Plan::new().agent("coder", &["echo"]).target("echo", &["127.0.0.1"], &[target.port()]);
        let gateway = plan.start()?;
        Ok(Self { agent: gateway.agent("coder")?, gateway, target, outsider })
    }

    /// What the agent hears from its target.
    fn talk(&self) -> Result<String> {
        self.agent.tester(&["talk", &self.target.v4().to_string(), "hello"])
    }

    /// What the agent hears from where it must never get.
    fn stray(&self) -> Result<String> {
        self.agent.tester(&["talk", &self.outsider.v4().to_string(), "hello"])
    }

    fn served(&self) -> String {
        format!("{} heard hello", self.target.v4())
    }
}
