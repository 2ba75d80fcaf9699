//! What systemd knows of an agent's unit before it starts: where it will run, as whom, and how strictly.

use std::collections::BTreeMap;
use std::io;
use std::process::Command;

use thiserror::Error;

use crate::config::Agent;

/// The directives of the level `unit`, each with the value that `systemctl show` gives when it is set as it must be.
const HARDENING: [(&str, Wanted); 7] = [
    ("NoNewPrivileges", Wanted::Is("yes")),
    ("CapabilityBoundingSet", Wanted::Is("")),
    ("RestrictAddressFamilies", Wanted::Set),
    ("RestrictNamespaces", Wanted::Is("yes")),
    ("SystemCallFilter", Wanted::Set),
    ("SystemCallArchitectures", Wanted::Is("native")),
    ("TemporaryFileSystem", Wanted::Begins("/run")),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Is(&'static str),
    Begins(&'static str),
    Set,
}

impl Wanted {
    fn met_by(self, value: &str) -> bool {
        match self {
            Self::Is(wanted) => value == wanted,
            Self::Begins(wanted) => value.starts_with(wanted),
            Self::Set => !value.is_empty(),
        }
    }
}

#[derive(Debug, Error)]
pub enum UnitError {
    #[error("cannot ask systemd about {unit}")]
    Systemctl { unit: String, source: io::Error },
    #[error("systemd does not know {unit}: {why}")]
    Unknown { unit: String, why: String },
}

/// A unit as it is loaded; it need not run.
#[derive(Debug)]
pub struct Unit {
    name: String,
    properties: BTreeMap<String, String>,
}

pub fn ask_systemd(name: &str) -> Result<Unit, UnitError> {
    let asked = Command::new("systemctl")
        .args(["show", "--", name])
        .output()
        .map_err(|source| UnitError::Systemctl { unit: name.to_string(), source })?;
    if !asked.status.success() {
        let why = String::from_utf8_lossy(&asked.stderr).trim().to_string();
        return Err(UnitError::Unknown { unit: name.to_string(), why });
    }
    let unit = Unit::read(name, &String::from_utf8_lossy(&asked.stdout));
    match unit.property("LoadState") {
        "loaded" => Ok(unit),
        state => Err(UnitError::Unknown { unit: name.to_string(), why: state.to_string() }),
    }
}

impl Unit {
    fn read(name: &str, shown: &str) -> Self {
        let pairs = shown.lines().filter_map(|line| line.split_once('='));
        let properties = pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Self { name: name.to_string(), properties }
    }

    fn property(&self, key: &str) -> &str {
        self.properties.get(key).map(String::as_str).unwrap_or_default()
    }

    /// The path of the cgroup that it gets. A slice's name fixes its path: `a-b.slice` lies in `a.slice`.
    pub fn cgroup(&self) -> String {
        let slice = self.property("Slice");
        let stem = slice.trim_end_matches(".slice");
        let above = stem.match_indices('-').filter_map(|(dash, _)| stem.get(..dash));
        let above: String = above.map(|enclosing| format!("/{enclosing}.slice")).collect();
        format!("{above}/{slice}/{}", self.name)
    }

    /// The agent whose designations cover this cgroup or one above it.
    pub fn agent<'a>(&self, agents: &'a BTreeMap<String, Agent>) -> Option<(&'a str, &'a Agent)> {
        let path = self.cgroup();
        let ends = path.match_indices('/').skip(1).map(|(at, _)| at).chain([path.len()]);
        let above: Vec<&str> = ends.filter_map(|end| path.get(..end)).collect();
        let meant = |agent: &Agent| {
            agent.watch.iter().any(|designation| above.iter().any(|path| designation.matches(path)))
        };
        agents.iter().find(|(_, agent)| meant(agent)).map(|(name, agent)| (name.as_str(), agent))
    }

    /// What keeps it from starting at any level, each with its remedy.
    pub fn mistakes(&self, agent: &Agent) -> Vec<(&'static str, &'static str)> {
        let mut mistakes = Vec::new();
        if matches!(self.property("User"), "" | "root" | "0") && !agent.danger_root {
            mistakes.push((
                "the unit runs as root, which can be held against network calls but not contained",
                "set User= to an ordinary user in the unit, or danger_root for the agent",
            ));
        }
        if self.property("Delegate") == "yes" && !agent.danger_delegated {
            mistakes.push((
                "the unit's cgroup is delegated, so that its user could move processes out of it",
                "remove Delegate= from the unit, or set danger_delegated for the agent",
            ));
        }
        mistakes
    }

    /// The directives that it lacks for the level `unit`.
    pub fn missing(&self) -> Vec<&'static str> {
        let lacks = |(key, wanted): &&(&'static str, Wanted)| !wanted.met_by(self.property(key));
        HARDENING.iter().filter(lacks).map(|(key, _)| *key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "LoadState=loaded\nSlice=agents-ai.slice\nUser=agent\nDelegate=no\nNoNewPrivileges=yes\n\
        CapabilityBoundingSet=\nRestrictAddressFamilies=AF_INET AF_UNIX\nRestrictNamespaces=yes\n\
        SystemCallFilter=~bpf\nSystemCallArchitectures=native\nTemporaryFileSystem=/run:ro\n";

    fn agents(text: &str) -> BTreeMap<String, Agent> {
        crate::config::fixture(text).agents
    }

    fn unit(shown: &str) -> Unit {
        Unit::read("coder@1.service", shown)
    }

    #[test]
    fn a_unit_lies_where_its_slice_says() {
        assert_eq!(unit(SHOWN).cgroup(), "/agents.slice/agents-ai.slice/coder@1.service");
    }

    #[test]
    fn the_agent_is_found_by_unit_by_slice_or_not_at_all() {
        for (designation, found) in [
            ("unit = \"coder@*.service\"", true),
            ("slice = \"agents.slice\"", true),
            ("cgroup = \"/agents.slice/agents-ai.slice/coder@*\"", true),
            ("unit = \"tester@*.service\"", false),
        ] {
            let agents = agents(&format!("[agents.coder]\n{designation}\n"));
            assert_eq!(unit(SHOWN).agent(&agents).is_some(), found, "{designation}");
        }
    }

    #[test]
    fn a_directive_that_is_not_as_it_must_be_is_named() {
        assert!(unit(SHOWN).missing().is_empty());
        let weaker = SHOWN
            .replace("NoNewPrivileges=yes", "NoNewPrivileges=no")
            .replace("CapabilityBoundingSet=", "CapabilityBoundingSet=cap_net_raw")
            .replace("TemporaryFileSystem=/run:ro", "TemporaryFileSystem=/srv");
        assert_eq!(
            unit(&weaker).missing(),
            ["NoNewPrivileges", "CapabilityBoundingSet", "TemporaryFileSystem"]
        );
        assert_eq!(unit("").missing().len(), HARDENING.len() - 1);
    }

    #[test]
    fn root_and_delegation_are_mistakes_unless_the_danger_is_taken() {
        let shown = SHOWN.replace("User=agent", "User=").replace("Delegate=no", "Delegate=yes");
        let careful = agents("[agents.coder]\nslice = \"agents.slice\"\n");
        assert_eq!(unit(&shown).mistakes(&careful["coder"]).len(), 2);
        assert!(unit(SHOWN).mistakes(&careful["coder"]).is_empty());
        let bold = "[agents.coder]\nslice = \"agents.slice\"\ndanger_root = true\ndanger_delegated = true\n";
        assert!(unit(&shown).mistakes(&agents(bold)["coder"]).is_empty());
    }
}
