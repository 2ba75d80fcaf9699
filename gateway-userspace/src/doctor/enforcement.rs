//! Enforcement itself, as the enforcer knows it: it demands refusals in a cgroup of its own and reads no lists.

use std::collections::BTreeMap;

use gateway_policy::level::Level;

use super::Finding;
use crate::attribution::status::{StatusError, enforcer_status};
use crate::attribution::wire::{EnforcerStatus, WatchedAgent};
use crate::config::{Agent, Config};
use crate::report::{counted, one_line};

const LEVEL: &str = "level";
const AGENTS: &str = "agents";
const EVENTS: &str = "events";
/// What the enforcer calls cgroups that are watched and no agent's.
const NOBODY: &str = "nobody";

pub fn check(config: &Config) -> Vec<Finding> {
    match enforcer_status(&config.enforce.socket) {
        Ok(status) => {
            let mut findings = level(&status, config.enforce.minimum_level);
            findings.push(agents(&status, &config.agents));
            findings.push(events(&status));
            findings
        }
        Err(StatusError::NotAllowed) => {
            vec![Finding::gap(LEVEL, StatusError::NotAllowed.to_string(), "run as root")]
        }
        Err(error) => {
            vec![Finding::broken(
                LEVEL,
                one_line(&error),
                "start postern-enforce.service, and read its journal",
            )]
        }
    }
}

/// The level that the canary proved, then each way out that it leaves open.
fn level(status: &EnforcerStatus, minimum: Level) -> Vec<Finding> {
    let remedy = "boot a kernel with BPF LSM in force (`bpf` among lsm= on its command line)";
    let Some(level) = status.level else {
        return vec![Finding::broken(
            LEVEL,
            "the kernel refuses agents nothing yet",
            "read the enforcer's journal",
        )];
    };
    let what = format!("{level}: {}", level.sentence());
    let mut findings = vec![match level {
        below if !below.admits_agents(minimum) => {
            Finding::broken(LEVEL, format!("{what}; agents do not start below {minimum}"), remedy)
        }
        below if below < minimum => {
            Finding::gap(LEVEL, format!("{what}; agents start in a hardened unit only"), remedy)
        }
        Level::Full => Finding::ok(LEVEL, what),
        Level::Cgroup | Level::Unit => Finding::gap(LEVEL, what, remedy),
    }];
    let open = status.open_vectors.iter();
    findings.extend(open.map(|vector| Finding::gap("open way out", vector, remedy)));
    findings
}

/// What is watched, and whether the enforcer and this configuration mean the same agents. An agent that does not
/// run has no cgroup, and the enforcer does not name it.
fn agents(status: &EnforcerStatus, configured: &BTreeMap<String, Agent>) -> Finding {
    let strangers: Vec<&str> = status
        .agents
        .iter()
        .map(|agent| agent.name.as_str())
        .filter(|name| *name != NOBODY && !configured.contains_key(*name))
        .collect();
    if !strangers.is_empty() {
        let what =
            format!("the enforcer watches {}, which the configuration does not have", strangers.join(", "));
        return Finding::broken(
            AGENTS,
            what,
            "restart postern-enforce.service, so that it reads the configuration again",
        );
    }
    let cgroups = |agent: &WatchedAgent| agent.cgroups.len();
    if let Some(nobody) = status.agents.iter().find(|agent| agent.name == NOBODY) {
        let what = format!("{} cgroups are closed: they are watched but may be no agent's", cgroups(nobody));
        return Finding::gap(
            AGENTS,
            what,
            "read the enforcer's journal: the level is too low, or agents changed",
        );
    }
    let shown: Vec<String> = status
        .agents
        .iter()
        .map(|agent| format!("{} in {}", agent.name, counted(cgroups(agent), "cgroup")))
        .collect();
    match shown.as_slice() {
        [] => Finding::ok(AGENTS, "none runs"),
        running => Finding::ok(AGENTS, running.join(", ")),
    }
}

fn events(status: &EnforcerStatus) -> Finding {
    match status.lost_events {
        0 => Finding::ok(EVENTS, "no report of a refusal was lost"),
        lost => {
            let remedy = "find the agent that is refused so often: postern status";
            Finding::gap(EVENTS, format!("{lost} reports of refusals were counted but not kept"), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::wire::WatchedCgroup;
    use crate::config::{Reload, fixture};
    use crate::doctor::Outcome;

    fn status(level: Option<Level>, open: &[&str]) -> EnforcerStatus {
        EnforcerStatus {
            level,
            open_vectors: open.iter().map(ToString::to_string).collect(),
            agents: Vec::new(),
            lost_events: 0,
            kernel: String::new(),
            reload: Reload::default(),
        }
    }

    #[test]
    fn a_level_is_judged_by_what_the_configuration_asks_for() {
        let table = [
            (Some(Level::Full), Level::Full, Outcome::Ok),
            (Some(Level::Full), Level::Cgroup, Outcome::Ok),
            (Some(Level::Unit), Level::Unit, Outcome::Gap),
            (Some(Level::Cgroup), Level::Cgroup, Outcome::Gap),
            (Some(Level::Unit), Level::Full, Outcome::Broken),
            (Some(Level::Cgroup), Level::Unit, Outcome::Gap),
            (Some(Level::Cgroup), Level::Full, Outcome::Broken),
            (None, Level::Cgroup, Outcome::Broken),
        ];
        for (found, minimum, outcome) in table {
            assert_eq!(level(&status(found, &[]), minimum)[0].outcome, outcome, "{found:?} for {minimum}");
        }
    }

    #[test]
    fn cgroups_of_agents_that_are_not_configured_are_told() {
        let configured = fixture("[agents.coder]\nslice = \"agents.slice\"\n").agents;
        let watched = |name: &str| {
            let cgroups = vec![WatchedCgroup { id: 7, path: "/agents.slice/x".to_string() }];
            let agent = WatchedAgent { name: name.to_string(), agent_id: 9, cgroups };
            agents(&EnforcerStatus { agents: vec![agent], ..status(None, &[]) }, &configured)
        };
        assert_eq!(agents(&status(None, &[]), &configured).outcome, Outcome::Ok);
        assert_eq!(watched("coder").outcome, Outcome::Ok);
        assert_eq!(watched("gone").outcome, Outcome::Broken);
        assert_eq!(watched(NOBODY).outcome, Outcome::Gap);
    }

    #[test]
    fn open_ways_out_are_named_one_by_one() {
        let findings = level(&status(Some(Level::Unit), &["abstract unix sockets", "splice"]), Level::Unit);
        let named: Vec<&str> = findings.iter().skip(1).map(|finding| finding.what.as_str()).collect();
        assert_eq!(named, ["abstract unix sockets", "splice"]);
    }
}
