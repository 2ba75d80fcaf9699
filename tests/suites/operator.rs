//! What an operator sees: `check` before anything starts, `status` and `doctor` while it runs and when it does not.

use std::fs;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::host::{self, Tag};
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::Echo;
use gateway_e2e::wait;
use serde_json::Value;

fn running(echo: &Echo) -> Result<Gateway> {
    Plan::new().agent("coder", &["echo"]).target("echo", &["127.0.0.1"], &[echo.port()]).start()
}

fn json(output: &Output) -> Result<Value> {
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no JSON; it said {}", String::from_utf8_lossy(&output.stderr)))
}

fn screen(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A connection of the agent that stays open until the child is killed.
fn connect(agent: &Agent, port: u16) -> Result<Child> {
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; echo hello >&3; read -r line <&3; sleep 60");
    let mut command = agent.command("bash")?;
    command.args(["-c", &script]).stdin(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("cannot start bash in the agent")
}

/// What doctor found about one thing.
fn finding(found: &Value, check: &str) -> Result<String> {
    let findings = found.as_array().context("doctor prints a list")?;
    let outcome = findings.iter().find(|finding| finding.get("check").and_then(Value::as_str) == Some(check));
    let word = outcome.and_then(|finding| finding.get("outcome")?.as_str());
    Ok(word.with_context(|| format!("nothing about {check} in {found:#}"))?.to_owned())
}

#[test]
fn status_shows_who_is_connected_where_and_what_was_refused() -> Result<()> {
    let echo = Echo::start()?;
    let gateway = running(&echo)?;
    let agent = gateway.agent("coder")?;
    let mut open = connect(&agent, echo.port())?;
    let mut refused = connect(&agent, host::free_port()?)?;
    let shown = wait::until("status shows the connection and the refusal", || {
        let output = gateway.postern(&["status"])?;
        let shown = screen(&output);
        let both = shown.contains("bash[") && shown.contains("no_target");
        Ok((both && output.status.success()).then_some(shown))
    })?;
    open.kill()?;
    refused.kill()?;
    open.wait()?;
    refused.wait()?;
    ensure!(shown.contains(&echo.v4().to_string()), "the destination is missing in\n{shown}");
    wait::until_true("the connection is gone from status", || {
        let status = json(&gateway.postern(&["status", "--json"])?)?;
        Ok(status.pointer("/gateway/answers/live").and_then(Value::as_array).is_some_and(Vec::is_empty))
    })
}

#[test]
fn status_is_unhealthy_without_the_gateway_and_still_says_who_is_cut_off() -> Result<()> {
    let mut gateway = running(&Echo::start()?)?;
    let agent = gateway.agent("coder")?;
    ensure!(gateway.postern(&["status"])?.status.success(), "status is unhealthy while both run");
    gateway.kill_gateway()?;
    let output = gateway.postern(&["status", "--json"])?;
    ensure!(output.status.code() == Some(1), "status is healthy without the gateway");
    let status = json(&output)?;
    ensure!(status.pointer("/gateway/gone/why").is_some(), "{status:#}");
    let cgroups = status.pointer("/enforcer/answers/agents/0/cgroups/0/id").and_then(Value::as_u64);
    ensure!(cgroups == Some(agent.cgroup.id()?), "{status:#}");
    Ok(())
}

#[test]
fn status_is_unhealthy_without_the_enforcer() -> Result<()> {
    let mut gateway = running(&Echo::start()?)?;
    gateway.kill_enforcer()?;
    let output = gateway.postern(&["status", "--json"])?;
    ensure!(output.status.code() == Some(1), "status is healthy without the enforcer");
    let status = json(&output)?;
    ensure!(status.pointer("/enforcer/gone/why").is_some(), "{status:#}");
    Ok(())
}

#[test]
fn doctor_tells_a_host_that_holds_agents_from_one_that_does_not() -> Result<()> {
    let mut gateway = running(&Echo::start()?)?;
    let found = json(&gateway.postern(&["doctor", "--json"])?)?;
    for check in ["kernel types (BTF)", "cgroup2", "bpffs", "agents", "gateway port", "name port"] {
        ensure!(finding(&found, check)? == "ok", "{check} is not ok in {found:#}");
    }
    let level = if host::in_guest() { "ok" } else { "gap" };
    ensure!(finding(&found, "level")? == level, "{found:#}");
    gateway.kill_gateway()?;
    gateway.kill_enforcer()?;
    let output = gateway.postern(&["doctor", "--json"])?;
    ensure!(output.status.code() == Some(1), "doctor is content without the enforcer");
    let found = json(&output)?;
    ensure!(finding(&found, "level")? == "broken", "{found:#}");
    ensure!(finding(&found, "gateway port")? == "gap", "{found:#}");
    Ok(())
}

#[test]
fn a_reload_ends_what_may_not_go_on_and_a_mistake_changes_nothing() -> Result<()> {
    let echo = Echo::start()?;
    let gateway = running(&echo)?;
    let agent = gateway.agent("coder")?;
    let mut open = connect(&agent, echo.port())?;
    let is_open = || Ok(screen(&gateway.postern(&["status"])?).contains("bash["));
    wait::until_true("the connection is open", is_open)?;
    let path = gateway.config_dir().join("agents.toml");
    let text = fs::read_to_string(&path)?;
    fs::write(&path, format!("{text}\n[agents.coder]\n"))?;
    let mistaken = gateway.postern(&["reload"])?;
    // Mended first: with a mistake nobody finds the gateway.
    fs::write(&path, &text)?;
    ensure!(!mistaken.status.success(), "a mistake is taken over: {}", screen(&mistaken));
    ensure!(is_open()?, "a mistake ends connections");
    fs::write(&path, text.replace("targets = [\"echo\"]", "targets = []"))?;
    let output = gateway.postern(&["reload"])?;
    let said = screen(&output);
    ensure!(output.status.success() && said.contains("ended: bash of agent coder at target echo"), "{said}");
    open.kill()?;
    open.wait()?;
    Ok(())
}

#[test]
fn no_thread_of_the_gateway_can_gain_privileges_or_make_calls_that_it_does_not_need() -> Result<()> {
    let gateway = running(&Echo::start()?)?;
    let pid = gateway.gateway.as_ref().context("no gateway runs")?.pid();
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        for line in ["Seccomp:\t2", "NoNewPrivs:\t1", "CapEff:\t0000000000000000"] {
            ensure!(status.lines().any(|has| has == line), "no {line} in\n{status}");
        }
        threads += 1;
    }
    ensure!(threads > 1, "it has no threads");
    Ok(())
}

#[test]
fn with_a_mistake_in_the_configuration_nothing_starts() -> Result<()> {
    let tag = Tag::fresh();
    let dir = tempfile::tempdir()?;
    let text =
        format!("[enforce]\nbpffs = {:?}\nport = 1\n[agents.coder]\ncgroup = \"coder\"\n", tag.bpffs());
    fs::write(dir.path().join("postern.toml"), text)?;
    for service in ["enforce", "serve"] {
        let output = Command::new(host::postern()?).arg(service).arg("--config").arg(dir.path()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(2), "{service}: {}: {said}", output.status);
        for place in ["postern.toml:3:1: ", "postern.toml:5:10: "] {
            ensure!(said.contains(place), "{service} does not name {place} in\n{said}");
        }
    }
    ensure!(!tag.bpffs().exists(), "something was put into the kernel");
    Ok(())
}
