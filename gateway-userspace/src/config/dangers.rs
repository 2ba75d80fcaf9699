//! Settings in force that weaken protection. They are allowed, and never silent.

use std::path::Path;

use gateway_policy::level::Level;
use serde::Serialize;

use super::postgres::Postgres;
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
        let targets = self.postgres.iter().flat_map(|(name, keys)| of_target(name, keys));
        let http = |(name, _): (&String, _)| Danger {
            table: format!("identity.{name}"),
            key: "danger_http",
            what: "whoever is on this host's loopback can stand in for the provider".to_string(),
        };
        let providers = self.identity.iter().filter(|(_, keys)| keys.danger_http).map(http);
        level.into_iter().chain(providers).chain(agents).chain(targets).collect()
    }
}

fn of_target(name: &str, keys: &Postgres) -> Vec<Danger> {
    let table = format!("targets.{name}.postgres");
    let danger = |key, what: &str| Danger { table: table.clone(), key, what: what.to_string() };
    let cleartext = "the password is sent as it is, also to whoever stands in for the target";
    let replication = "commands of replication are not judged, and can copy the whole server";
    let single = [
        keys.tls.gives_up().map(|what| danger("danger_tls", what)),
        keys.judging.gives_up().map(|what| danger("danger_judging", what)),
        keys.danger_cleartext_password.then(|| danger("danger_cleartext_password", cleartext)),
        keys.danger_replication.then(|| danger("danger_replication", replication)),
    ];
    let granted = keys.grant.iter().filter_map(|role| {
        let (_, what) = POWERS.iter().find(|(power, _)| power == role)?;
        Some(danger("grant", &format!("{role} {what}")))
    });
    single.into_iter().flatten().chain(granted).collect()
}

/// Roles of PostgreSQL's own that reach beyond its tables.
const POWERS: [(&str, &str); 8] = [
    ("pg_execute_server_program", "lets a session run programs on the server"),
    ("pg_read_server_files", "lets a session read files of the server"),
    ("pg_write_server_files", "lets a session write files of the server, which is to run programs there"),
    ("pg_read_all_data", "lets a session read every table"),
    ("pg_write_all_data", "lets a session write every table"),
    ("pg_signal_backend", "lets a session end those of others"),
    ("pg_maintain", "lets a session lock every table"),
    ("pg_create_subscription", "lets a session have the server connect to others"),
];

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
