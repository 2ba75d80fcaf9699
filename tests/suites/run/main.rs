//! `postern run`: a command becomes an agent's, behaves for its caller as if it had been started plainly, and has
//! given up what the level asks for.

mod confinement;
mod launch;

use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use gateway_e2e::gateway::Gateway;
use gateway_e2e::host;
use gateway_e2e::plan::Plan;

/// An ordinary user that every host has.
const USER: &str = "nobody";

/// A name that is right for a cgroup of our own making and for a scope of systemd's.
fn plan_with(more: &str) -> Plan {
    let plan = Plan::new();
    let tag = plan.tag().as_str().to_owned();
    plan.tables(&format!("[agents.coder]\nunit = \"{tag}-coder-*.scope\"\n{more}"))
}

fn plan() -> Plan {
    plan_with("")
}

/// `postern run`, to be completed with a command.
fn run(gateway: &Gateway, options: &[&str]) -> Result<Command> {
    let mut command = Command::new(host::postern()?);
    command.arg("run").arg("--config").arg(gateway.config_dir());
    command.args(["--agent", "coder", "--user", USER]).args(options).arg("--");
    command.stdin(Stdio::null()).current_dir("/");
    Ok(command)
}

/// Runs a shell script as the agent.
fn shell(gateway: &Gateway, script: &str) -> Result<Output> {
    run(gateway, &[])?.args(["sh", "-c", script]).output().context("cannot run postern")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
