//! Where `postern run` puts a command, so that it belongs to its agent: derived from the agent's designations.

use std::fmt;

use gateway_policy::agent::{Designation, NamePattern, Parent};
use thiserror::Error;

/// Units and cgroups that name no slice of their own go here.
const SLICE: &str = "agents.slice";

/// Who makes cgroups on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    Systemd,
    /// Nobody: `postern run` makes its own.
    Ourselves,
}

impl Maker {
    /// The sign that sd_booted(3) goes by.
    pub fn of_this_host() -> Self {
        if std::path::Path::new("/run/systemd/system").is_dir() { Self::Systemd } else { Self::Ourselves }
    }
}

/// A cgroup that does not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A transient scope of systemd's.
    Scope { slice: String, unit: String },
    /// A cgroup below the root of the hierarchy; the path begins with `/`.
    Folder { path: String },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope { slice, unit } => write!(f, "{unit} in {slice}"),
            Self::Folder { path } => write!(f, "{path}"),
        }
    }
}

#[derive(Debug, Error, PartialEq, Eq)]
#[error("a command cannot be started in any of the cgroups of agent {agent}")]
pub struct NoPlace {
    agent: String,
    maker: Maker,
}

impl NoPlace {
    pub fn remedy(&self) -> String {
        let agent = &self.agent;
        match self.maker {
            Maker::Systemd => format!(
                "add `unit = [\"{agent}-*.scope\"]` to [agents.{agent}]; its services are started by systemctl"
            ),
            Maker::Ourselves => {
                format!("add `cgroup = [\"/{SLICE}/{agent}-*\"]` to [agents.{agent}]")
            }
        }
    }
}

/// The first designation that can hold a new command decides. `tag` makes the name unique.
pub fn choose(agent: &str, watch: &[Designation], maker: Maker, tag: u32) -> Result<Place, NoPlace> {
    let place = |designation: &Designation| match maker {
        Maker::Systemd => scope(agent, designation, tag),
        Maker::Ourselves => folder(agent, designation, tag),
    };
    watch.iter().find_map(place).ok_or_else(|| NoPlace { agent: agent.to_string(), maker })
}

fn folder(agent: &str, designation: &Designation, tag: u32) -> Option<Place> {
    let pattern = designation.pattern();
    let parent = match pattern.parent() {
        Parent::Path(path) => path.clone(),
        Parent::Anywhere => format!("/{SLICE}"),
    };
    let own = format!("{parent}/{}", filled(pattern.name(), &tag.to_string()));
    let one_of_many = pattern.name().after().is_some();
    let path = match designation {
        Designation::Cgroup(_) | Designation::Unit(_) if one_of_many => own,
        Designation::Cgroup(_) | Designation::Unit(_) | Designation::Slice(_) => {
            format!("{own}/{}", scope_name(agent, tag))
        }
        Designation::User(_) => return None,
    };
    Some(Place::Folder { path })
}

fn scope(agent: &str, designation: &Designation, tag: u32) -> Option<Place> {
    let pattern = designation.pattern();
    let fill = match pattern.name().after() {
        // Free to end as it must.
        Some("") => format!("{tag}.scope"),
        _ => tag.to_string(),
    };
    let unit = filled(pattern.name(), &fill);
    match designation {
        Designation::Slice(slice) => {
            Some(Place::Scope { slice: filled(slice.name(), &tag.to_string()), unit: scope_name(agent, tag) })
        }
        Designation::Cgroup(_) | Designation::Unit(_) if unit.ends_with(".scope") => {
            let slice = match pattern.parent() {
                Parent::Path(path) => path.rsplit('/').next().filter(|name| name.ends_with(".slice"))?,
                Parent::Anywhere => SLICE,
            };
            Some(Place::Scope { slice: slice.to_string(), unit })
        }
        Designation::Cgroup(_) | Designation::Unit(_) | Designation::User(_) => None,
    }
}

fn scope_name(agent: &str, tag: u32) -> String {
    format!("postern-{agent}-{tag}.scope")
}

fn filled(name: &NamePattern, star: &str) -> String {
    match name.after() {
        Some(after) => format!("{}{star}{after}", name.before()),
        None => name.before().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use gateway_policy::agent::{AgentUser, CgroupPattern, SlicePattern, UnitPattern};

    use super::*;

    fn cgroup(text: &str) -> Designation {
        Designation::Cgroup(CgroupPattern::parse(text).unwrap())
    }
    fn unit(text: &str) -> Designation {
        Designation::Unit(UnitPattern::parse(text).unwrap())
    }
    fn slice(text: &str) -> Designation {
        Designation::Slice(SlicePattern::parse(text).unwrap())
    }
    fn user() -> Designation {
        Designation::User(AgentUser { name: "bob".to_string(), uid: 1000 })
    }

    fn at(maker: Maker, designation: Designation) -> Option<String> {
        choose("coder", &[designation], maker, 7).ok().map(|place| place.to_string())
    }

    #[test]
    fn without_systemd_a_cgroup_of_the_pattern_is_made() {
        let table = [
            (cgroup("/agents.slice/coder-*"), Some("/agents.slice/coder-7")),
            (cgroup("/agents.slice/coder-*.scope"), Some("/agents.slice/coder-7.scope")),
            (cgroup("/agents.slice/coder"), Some("/agents.slice/coder/postern-coder-7.scope")),
            (unit("coder@*.service"), Some("/agents.slice/coder@7.service")),
            (slice("agents-ai.slice"), Some("/agents.slice/agents-ai.slice/postern-coder-7.scope")),
            (user(), None),
        ];
        for (designation, place) in table {
            assert_eq!(at(Maker::Ourselves, designation.clone()).as_deref(), place, "{designation}");
        }
    }

    #[test]
    fn with_systemd_a_scope_is_asked_for_where_the_pattern_wants_one() {
        let table = [
            (cgroup("/agents.slice/coder-*"), Some("coder-7.scope in agents.slice")),
            (cgroup("/agents.slice/coder-*.scope"), Some("coder-7.scope in agents.slice")),
            (unit("coder-*.scope"), Some("coder-7.scope in agents.slice")),
            (slice("agents-ai.slice"), Some("postern-coder-7.scope in agents-ai.slice")),
            // A scope can have none of these names, or not in that place.
            (cgroup("/agents.slice/coder"), None),
            (cgroup("/elsewhere/coder-*"), None),
            (unit("coder@*.service"), None),
            (user(), None),
        ];
        for (designation, place) in table {
            assert_eq!(at(Maker::Systemd, designation.clone()).as_deref(), place, "{designation}");
        }
    }

    #[test]
    fn every_place_of_our_own_making_is_the_agents() {
        for designation in [
            cgroup("/agents.slice/coder-*"),
            cgroup("/agents.slice/coder"),
            unit("coder@*.service"),
            slice("agents-*.slice"),
        ] {
            let place = choose("coder", std::slice::from_ref(&designation), Maker::Ourselves, 7).unwrap();
            let Place::Folder { path } = place else { panic!("{place}") };
            let above = path.rsplit_once('/').unwrap().0;
            assert!(designation.matches(&path) || designation.matches(above), "{designation}: {path}");
        }
    }

    #[test]
    fn the_first_designation_that_can_hold_a_command_decides() {
        let place = choose("coder", &[unit("coder@*.service"), slice("agents.slice")], Maker::Systemd, 7);
        assert_eq!(place.unwrap().to_string(), "postern-coder-7.scope in agents.slice");
    }
}
