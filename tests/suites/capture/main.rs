//! What an agent sends reaches its targets through the gateway, and looks to the agent as if nothing stood between.
//! What is no target is refused and recorded.

mod accounting;
mod cgroups;
mod clients;
mod names;
mod namespaces;
mod own_listeners;
mod refusals;
mod sockets;

use anyhow::Result;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::Echo;

/// One agent that may reach one server by its addresses.
fn one_agent_one_echo() -> Result<(Gateway, Echo)> {
    let echo = Echo::start()?;
    let plan = Plan::new().agent("coder", &["echo"]).target("echo", &["127.0.0.1", "::1"], &[echo.port()]);
    Ok((plan.start()?, echo))
}
