//! What no single key can know: names that must exist, things that must not collide.

mod identity;
mod postgres;
mod rules;

use gateway_common::watch;
use gateway_policy::agent::{CgroupPattern, Designation, Parent};
use gateway_policy::target::{TargetHost, canonical};

use super::load::Gathering;
use super::mistakes::Gathered;
use super::schema::{AgentKeys, Config};
use super::section::did_you_mean;

/// In the kernel 0 is nobody watched, 1 is watched and nobody's, 2 is the enforcer's canary.
const LAST_RESERVED_ID: u32 = 2;

pub fn check(all: &Gathering, mistakes: &Gathered) {
    for agent in all.agents.values() {
        targets_exist(all, agent, mistakes);
        delegation_is_said(agent, mistakes);
        patterns_fit_the_kernel(agent, mistakes);
        postern_stays_out(agent, mistakes);
    }
    agents_are_apart(all, mistakes);
    agent_ids_differ(all, mistakes);
    ports_are_free(all, mistakes);
    sockets_differ(all, mistakes);
    identity::check(all, mistakes);
    postgres::check(all, mistakes);
    rules::check(all, mistakes);
}

fn targets_exist(all: &Gathering, agent: &AgentKeys, mistakes: &Gathered) {
    let known = all.names("targets");
    for target in &agent.targets {
        if !known.contains(&target.value.as_str()) {
            let what = format!("there is no target `{}`", target.value);
            mistakes.add(target.place.clone(), what, did_you_mean(&target.value, &known));
        }
    }
}

/// In a subtree that a user manages, an agent can move itself to a cgroup beside its own.
fn delegation_is_said(agent: &AgentKeys, mistakes: &Gathered) {
    if agent.danger_delegated {
        return;
    }
    for designation in agent.designations().filter(|designation| is_delegated(&designation.value)) {
        let what = format!("{} lies where a user manages cgroups and can leave them", designation.value);
        let remedy = "run the agent in a system slice such as agents.slice, or add `danger_delegated = true`";
        mistakes.add(designation.place.clone(), what, remedy);
    }
}

fn is_delegated(designation: &Designation) -> bool {
    let pattern = designation.pattern();
    match pattern.parent() {
        Parent::Path(parent) if parent.is_empty() => pattern.name().matches("user.slice"),
        Parent::Path(parent) => parent == "/user.slice" || parent.starts_with("/user.slice/"),
        Parent::Anywhere => false,
    }
}

/// A gateway that was an agent's would be sent to itself, and a host that was would be cut off.
fn postern_stays_out(agent: &AgentKeys, mistakes: &Gathered) {
    const OURS: [&str; 3] =
        ["/init.scope", "/system.slice/postern.service", "/system.slice/postern-enforce.service"];
    let ours = || OURS.into_iter().filter_map(|path| CgroupPattern::parse(path).ok().map(|own| (path, own)));
    for designation in agent.designations() {
        let pattern = designation.value.pattern();
        if let Some((path, _)) = ours().find(|(_, own)| pattern.overlaps(own)) {
            let what = format!("{} covers {path}, which the host needs itself", designation.value);
            let remedy = "designate the agents alone, such as slice = \"agents.slice\"";
            mistakes.add(designation.place.clone(), what, remedy);
        }
    }
}

/// The kernel recognises new cgroups by itself and compares only so much text.
fn patterns_fit_the_kernel(agent: &AgentKeys, mistakes: &Gathered) {
    for designation in agent.designations() {
        let pattern = designation.value.pattern();
        let parent = match pattern.parent() {
            Parent::Path(parent) => parent.as_str(),
            Parent::Anywhere => "",
        };
        let text = format!("{parent}/{}", pattern.name().before());
        if watch::pattern(watch::subject::PATH, text.as_bytes(), watch::Exact::Yes).is_none() {
            let what = format!("{} is too long for the kernel to compare", designation.value);
            let remedy = format!("use at most {} characters before the `*`", watch::PATTERN_LEN - 2);
            mistakes.add(designation.place.clone(), what, remedy);
        }
    }
}

fn agents_are_apart(all: &Gathering, mistakes: &Gathered) {
    let claims: Vec<_> = all
        .agents
        .iter()
        .flat_map(|(name, agent)| agent.designations().map(move |designation| (name, designation)))
        .collect();
    for (index, (name, claim)) in claims.iter().enumerate() {
        let earlier = claims.iter().take(index);
        for (other, first) in
            earlier.filter(|(other, first)| other != name && first.value.overlaps(&claim.value))
        {
            let what = format!(
                "{} can be a cgroup of agent `{other}` too ({}, {})",
                claim.value, first.value, first.place
            );
            mistakes.add(
                claim.place.clone(),
                what,
                "a cgroup can be only one agent's: make one pattern narrower",
            );
        }
    }
}

fn agent_ids_differ(all: &Gathering, mistakes: &Gathered) {
    let ids: Vec<(u32, &String)> = all.agents.keys().map(|name| (Config::agent_id(name), name)).collect();
    for (index, (id, name)) in ids.iter().enumerate() {
        let twin = ids.iter().take(index).find(|(other, _)| other == id);
        if *id <= LAST_RESERVED_ID || twin.is_some() {
            let what = format!("the name `{name}` leads to a number that is taken");
            all.complain(&[&format!("agents.{name}")], what, "choose another name for this agent", mistakes);
        }
    }
}

fn ports_are_free(all: &Gathering, mistakes: &Gathered) {
    let (Some(serve), Some(dns)) = (&all.serve, &all.dns) else { return };
    if serve.port == dns.port {
        let what = format!("[serve] and [dns] both have port {}", dns.port);
        all.complain(&["dns", "serve"], what, "give one of them another port", mistakes);
    }
    for (name, target) in &all.targets {
        let own = |host: &TargetHost| matches!(host, TargetHost::Address(address) if canonical(*address).is_loopback());
        if target.value.ports.contains(&serve.port) && target.value.hosts.iter().any(own) {
            let what = format!("target `{name}` is the gateway's own port {}", serve.port);
            let remedy = "give [serve] another port, or correct the target";
            mistakes.add(target.place.clone(), what, remedy);
        }
    }
}

fn sockets_differ(all: &Gathering, mistakes: &Gathered) {
    let (Some(enforce), Some(serve)) = (&all.enforce, &all.serve) else { return };
    if enforce.socket == serve.control {
        let what = format!("[enforce] socket and [serve] control are both {}", serve.control.display());
        all.complain(&["serve", "enforce"], what, "give one of them another path", mistakes);
    }
}
