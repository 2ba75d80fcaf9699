//! The configured agents as the kernel side needs them: ids, flags, and the texts by which it recognises a cgroup.

use gateway_common::watch::{self, Exact, NOBODY, PatternText, Watch, flags, pattern, subject};
use gateway_policy::agent::{CgroupPattern, Parent};

use super::watching::Keeper;
use crate::config::{Agent, Config, Inbound};

/// The agent id under which the canary runs; no configured name has it.
pub const CANARY: u32 = 2;

/// How cgroups that are watched and closed are shown.
pub const NOBODYS_NAME: &str = "nobody";

/// All agents, in the order of their names.
#[derive(Debug)]
pub struct Roster {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    id: u32,
    watch: Watch,
    delegated: Delegated,
    patterns: Vec<CgroupPattern>,
}

/// Whether the configuration takes the danger of a delegated subtree (`danger_delegated`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delegated {
    Refused,
    Taken,
}

/// Whether agents may do anything at all: below the least acceptable level they may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Open,
    Shut,
}

impl Roster {
    pub fn new(config: &Config, gate: Gate) -> Self {
        let entry = |(name, agent): (&String, &Agent)| Entry {
            name: name.clone(),
            id: Config::agent_id(name),
            watch: watch_of(name, agent, gate),
            delegated: if agent.danger_delegated { Delegated::Taken } else { Delegated::Refused },
            patterns: agent.watch.iter().map(|designation| designation.pattern()).collect(),
        };
        Self { entries: config.agents.iter().map(entry).collect() }
    }

    /// The agent that a cgroup at this path is designated for itself, not by inheritance. Where a user keeps the
    /// cgroups above it, it stays shut unless the configuration takes that danger.
    pub fn designated(&self, path: &str, above: Keeper) -> Option<Watch> {
        let meant = |entry: &&Entry| entry.patterns.iter().any(|pattern| pattern.matches(path));
        let entry = self.entries.iter().find(meant)?;
        match (above, entry.delegated) {
            (Keeper::User, Delegated::Refused) => Some(Watch { agent: NOBODY, flags: 0 }),
            (Keeper::Root, _) | (Keeper::User, Delegated::Taken) => Some(entry.watch),
        }
    }

    pub fn name_of(&self, agent: u32) -> Option<&str> {
        let found = self.entries.iter().find(|entry| entry.id == agent);
        found.map(|entry| entry.name.as_str())
    }

    /// What the kernel compares new cgroups with, and how many bits of it count. It knows no text behind a `*`, so
    /// it may take more cgroups than are meant; those are released when their name has been read whole.
    pub fn kernel_patterns(&self) -> impl Iterator<Item = (PatternText, u32, Watch)> + '_ {
        self.entries.iter().flat_map(|entry| {
            entry
                .patterns
                .iter()
                .filter_map(|meant| kernel_pattern(meant).map(|(text, bits)| (text, bits, entry.watch)))
        })
    }

    /// Patterns that the kernel cannot compare whole: a cgroup of theirs would be recognised by the enforcer only.
    pub fn too_long(&self) -> impl Iterator<Item = (&str, String)> + '_ {
        self.entries.iter().flat_map(|entry| {
            let long = entry.patterns.iter().filter(|meant| kernel_pattern(meant).is_none());
            long.map(|meant| (entry.name.as_str(), meant.to_string()))
        })
    }
}

fn watch_of(name: &str, agent: &Agent, gate: Gate) -> Watch {
    let root = if agent.danger_root { flags::ROOT_ALLOWED } else { 0 };
    let inbound = match agent.inbound {
        Inbound::Loopback => 0,
        Inbound::Own => flags::INBOUND_OWN,
    };
    match gate {
        Gate::Open => Watch { agent: Config::agent_id(name), flags: root | inbound },
        Gate::Shut => Watch { agent: NOBODY, flags: 0 },
    }
}

fn kernel_pattern(meant: &CgroupPattern) -> Option<(PatternText, u32)> {
    let exact = if meant.name().after().is_some() { Exact::Prefix } else { Exact::Yes };
    match meant.parent() {
        Parent::Anywhere => pattern(subject::NAME, meant.name().before().as_bytes(), exact),
        Parent::Path(parent) => {
            let path = format!("{parent}/{}", meant.name().before());
            pattern(subject::PATH, path.as_bytes(), exact)
        }
    }
}

/// The text by which the kernel recognises the canary's cgroup.
pub fn canary_pattern(name: &str) -> Option<(PatternText, u32, Watch)> {
    let (text, bits) = watch::pattern(subject::NAME, name.as_bytes(), Exact::Yes)?;
    Some((text, bits, Watch { agent: CANARY, flags: flags::ROOT_ALLOWED }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture;

    const TWO: &str = r#"
        [agents.coder]
        cgroup = "/agents.slice/coder-*"
        unit = "coder@*.service"
        inbound = "own"
        targets = "db"
        [agents.bob]
        user = "bob"
        danger_delegated = true
        danger_root = true
        targets = "db"
        [targets.db]
        protocol = "tcp"
        hosts = "192.0.2.1"
        ports = 5432
    "#;

    #[test]
    fn a_cgroup_is_its_agents_and_carries_its_flags() {
        let roster = Roster::new(&fixture(TWO), Gate::Open);
        let coder = roster.designated("/agents.slice/coder-1", Keeper::Root).unwrap();
        assert_eq!(coder, Watch { agent: Config::agent_id("coder"), flags: flags::INBOUND_OWN });
        assert_eq!(roster.name_of(coder.agent), Some("coder"));
        assert_eq!(roster.designated("/agents.slice/other", Keeper::Root), None);
    }

    #[test]
    fn where_a_user_keeps_the_cgroups_above_an_agent_stays_shut_unless_the_danger_is_taken() {
        let roster = Roster::new(&fixture(TWO), Gate::Open);
        let coder = roster.designated("/agents.slice/coder-1", Keeper::User).unwrap();
        assert_eq!(coder, Watch { agent: NOBODY, flags: 0 });
        let bob = roster.designated("/user.slice/user-1000.slice", Keeper::User).unwrap();
        assert_eq!(bob, Watch { agent: Config::agent_id("bob"), flags: flags::ROOT_ALLOWED });
    }

    #[test]
    fn a_shut_gate_makes_every_agent_nobody() {
        let roster = Roster::new(&fixture(TWO), Gate::Shut);
        for (_, _, watch) in roster.kernel_patterns() {
            assert_eq!(watch, Watch { agent: NOBODY, flags: 0 });
        }
    }

    #[test]
    fn the_kernel_compares_up_to_the_star() {
        let roster = Roster::new(&fixture(TWO), Gate::Open);
        let texts: Vec<String> = roster
            .kernel_patterns()
            .map(|(text, bits, _)| String::from_utf8_lossy(&text[..bits as usize / 8]).into_owned())
            .collect();
        assert_eq!(texts, ["P/user.slice/user-1000.slice\0", "P/agents.slice/coder-", "Ncoder@"]);
    }
}
