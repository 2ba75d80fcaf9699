//! Settings in force that weaken protection. They are allowed, and never silent.

use std::path::Path;

use gateway_policy::level::Level;
use serde::Serialize;

use super::schema::{Agent, Config, UnixPeer};

/// A setting that is in force, and what it gives up.
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
            let keys = [
                danger(agent.danger_root, "danger_root", "the agent may run as root, which cannot be contained in general"),
                danger(
                    agent.danger_delegated,
                    "danger_delegated",
                    "the agent may live where a user manages cgroups; below level full it can move itself out",
                ),
            ];
            let sockets = ways_out(agent).map(|(peer, what)| Danger {
                table: table.clone(),
                key: "unix_sockets",
                what: format!("{} {what}", peer.display()),
            });
            keys.into_iter().flatten().chain(sockets).collect::<Vec<_>>()
        });
        level.into_iter().chain(agents).collect()
    }
}

/// Peers that do for their callers what an agent may not do itself. They are told apart by how their path ends,
/// because `/run` and `/var/run` are one.
const WAYS_OUT: [(&str, &str); 9] = [
    ("docker.sock", CONTAINERS),
    ("containerd.sock", CONTAINERS),
    ("podman.sock", CONTAINERS),
    ("crio.sock", CONTAINERS),
    ("dbus/system_bus_socket", "lets the agent ask the system's services, systemd among them, to act for it"),
    ("/bus", "lets the agent ask the user's services, systemd among them, to act for it"),
    ("systemd/private", "lets the agent start programs outside its cgroup"),
    ("ssh-agent.socket", "lends the agent a person's keys"),
    ("agent.sock", "lends the agent a person's keys"),
];
const CONTAINERS: &str = "lets the agent start containers outside its cgroup, which reach everything";

fn ways_out(agent: &Agent) -> impl Iterator<Item = (&Path, &'static str)> {
    agent.unix_sockets.iter().filter_map(|peer| match peer {
        UnixPeer::Path(path) => {
            let way = WAYS_OUT.iter().find(|(end, _)| path.to_string_lossy().ends_with(end))?;
            Some((path.as_path(), way.1))
        }
        UnixPeer::Abstract(_) => None,
    })
}
