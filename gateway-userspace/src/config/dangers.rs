//! Settings in force that weaken protection. They are allowed, and never silent.

use gateway_policy::level::Level;
use serde::Serialize;

use super::schema::Config;

/// A `danger_…` key that is in force, and what it gives up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Danger {
    pub table: String,
    pub key: &'static str,
    pub what: String,
}

impl Config {
    pub fn dangers(&self) -> Vec<Danger> {
        let minimum = self.enforce.minimum_level;
        let level = (minimum < Level::Full).then(|| Danger {
            table: "enforce".to_string(),
            key: "danger_minimum_level",
            what: format!("agents start at level {minimum}: {}", minimum.sentence()),
        });
        let agents = self.agents.iter().flat_map(|(name, agent)| {
            let table = format!("agents.{name}");
            let danger = |set: bool, key, what: &str| {
                set.then(|| Danger { table: table.clone(), key, what: what.to_string() })
            };
            [
                danger(agent.danger_root, "danger_root", "the agent may run as root, which cannot be contained in general"),
                danger(
                    agent.danger_delegated,
                    "danger_delegated",
                    "the agent may live where a user manages cgroups; below level full it can move itself out",
                ),
            ]
        });
        level.into_iter().chain(agents.flatten()).collect()
    }
}
