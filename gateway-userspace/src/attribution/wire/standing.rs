//! How enforcement stands, told in parts: a host may have more watched cgroups than one message has room for.

use std::collections::BTreeMap;
use std::ops::Bound;

use gateway_policy::level::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Reload;

/// Once a part is this long it takes no further cgroup. The longest path, with every byte escaped, still fits behind.
const LONG_ENOUGH: usize = 24 * 1024;
/// What an agent adds to a part beside its cgroups.
const AGENT: usize = 160;
/// Parts that are asked for: more cgroups than any list of the kernel side holds.
pub const MOST_PARTS: usize = 16 * 1024;

/// How enforcement stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnforcerStatus {
    /// `None` while not even the cgroup programs refuse what they must.
    #[schemars(with = "Option<String>")]
    pub level: Option<Level>,
    /// Ways out that this level leaves open, one by one.
    pub open_vectors: Vec<String>,
    pub agents: Vec<WatchedAgent>,
    /// Reports of refusals that did not fit into the ring buffer.
    pub lost_events: u64,
    pub kernel: String,
    pub reload: Reload,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchedAgent {
    pub name: String,
    pub agent_id: u32,
    pub cgroups: Vec<WatchedCgroup>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchedCgroup {
    pub id: u64,
    pub path: String,
}

/// One part of a status. Everything but the agents' cgroups is in each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusPart {
    pub status: EnforcerStatus,
    /// The last cgroup in here, if there are more: the next part is asked for by it.
    pub more_after: Option<u64>,
}

impl StatusPart {
    /// The cgroups behind `after`, by id, as far as there is room. `agent` says whose each is.
    pub fn fill<'a, W: 'a>(
        mut status: EnforcerStatus,
        watched: &'a BTreeMap<u64, W>,
        after: Option<u64>,
        describe: impl Fn(&'a W) -> (&'a str, u32, &'a str),
    ) -> Self {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut length = 0;
        let mut last = None;
        for (id, watch) in watched.range((from, Bound::Unbounded)) {
            if length > LONG_ENOUGH {
                return Self { status, more_after: last };
            }
            let (name, agent_id, path) = describe(watch);
            length += path.escape_default().count() + 64;
            if status.take_in(name, agent_id, [WatchedCgroup { id: *id, path: path.to_owned() }]) {
                length += AGENT;
            }
            last = Some(*id);
        }
        Self { status, more_after: None }
    }
}

impl EnforcerStatus {
    /// Adds the next part. Returns by what to ask for the one after it.
    pub fn add(&mut self, part: StatusPart) -> Option<u64> {
        let StatusPart { status, more_after } = part;
        let agents = std::mem::take(&mut self.agents);
        *self = Self { agents, ..Self { agents: Vec::new(), ..status.clone() } };
        for agent in status.agents {
            self.take_in(&agent.name, agent.agent_id, agent.cgroups);
        }
        more_after
    }

    /// Returns whether the agent is new here.
    fn take_in(
        &mut self,
        name: &str,
        agent_id: u32,
        cgroups: impl IntoIterator<Item = WatchedCgroup>,
    ) -> bool {
        if let Some(known) = self.agents.iter_mut().find(|agent| agent.name == name) {
            known.cgroups.extend(cgroups);
            return false;
        }
        let cgroups = cgroups.into_iter().collect();
        self.agents.push(WatchedAgent { name: name.to_owned(), agent_id, cgroups });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, MAX_MESSAGE};
    use super::*;

    fn gathered(watched: &BTreeMap<u64, (String, String)>) -> (EnforcerStatus, usize) {
        let mut status = EnforcerStatus::default();
        let (mut after, mut parts) = (None, 0);
        loop {
            let head = EnforcerStatus { lost_events: 3, ..EnforcerStatus::default() };
            let part = StatusPart::fill(head, watched, after, |(agent, path)| (agent, 9, path));
            assert!(serde_json::to_vec(&Answer::Status(part.clone())).unwrap().len() <= MAX_MESSAGE);
            parts += 1;
            after = status.add(part);
            if after.is_none() {
                return (status, parts);
            }
        }
    }

    #[test]
    fn thousands_of_cgroups_are_told_whole_in_parts() {
        let name = |id: u64| (format!("agent-{}", id % 700), format!("/agents.slice/agent@{id}.service"));
        let watched: BTreeMap<_, _> = (1..5000).map(|id| (id, name(id))).collect();
        let (status, parts) = gathered(&watched);
        assert!(parts > 1 && parts < MOST_PARTS);
        assert_eq!(status.agents.len(), 700);
        assert_eq!(status.lost_events, 3);
        let mut ids: Vec<u64> =
            status.agents.iter().flat_map(|agent| &agent.cgroups).map(|cgroup| cgroup.id).collect();
        ids.sort_unstable();
        assert!(ids.into_iter().eq(1..5000));
    }

    #[test]
    fn the_longest_and_strangest_paths_fit_into_messages() {
        let watched = (0..40).map(|id| (id, ("coder".to_owned(), "\u{1}".repeat(4095)))).collect();
        let (status, _) = gathered(&watched);
        assert_eq!(status.agents.first().unwrap().cgroups.len(), 40);
    }

    #[test]
    fn without_cgroups_one_part_says_all() {
        let (status, parts) = gathered(&BTreeMap::new());
        assert_eq!((status.agents.len(), parts), (0, 1));
    }
}
