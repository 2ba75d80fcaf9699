//! What a configuration that is read again can change in a running service, and what waits for its next start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{Config, Dns, Enforce, Serve};

/// What the last reading of the configuration came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reload {
    /// Keys that changed and hold from the next start only.
    pub restart_needed: Vec<String>,
    /// What was wrong; then the former configuration holds.
    pub refused: Option<String>,
}

impl Reload {
    /// The gateway runs with the first configuration, and reads agents and targets from the second.
    pub fn of_gateway(running: &Config, read: &Config) -> Self {
        let mut changed = serve_changes(&running.serve, &read.serve);
        changed.push(("dns.port", running.dns.port != read.dns.port));
        changed.push(("enforce.socket", running.enforce.socket != read.enforce.socket));
        // System calls that were given up do not come back.
        changed.push(("the first secret from a program", !running.runs_programs() && read.runs_programs()));
        Self::of(&changed)
    }

    /// The enforcer runs with the first configuration, and reads agents and the least level from the second.
    pub fn of_enforcer(running: &Config, read: &Config) -> Self {
        let (serve, now) = (&running.serve, &read.serve);
        let mut changed = enforce_changes(&running.enforce, &read.enforce);
        changed.push(("serve.user", serve.user != now.user));
        changed.push(("serve.port", serve.port != now.port));
        changed.push(("dns.port", running.dns.port != read.dns.port));
        Self::of(&changed)
    }

    /// Nothing of it holds.
    pub fn refused(&self, why: String) -> Self {
        Self { refused: Some(why), ..self.clone() }
    }

    fn of(changed: &[(&str, bool)]) -> Self {
        let keys = changed.iter().filter(|(_, changed)| *changed).map(|(key, _)| (*key).to_owned());
        Self { restart_needed: keys.collect(), refused: None }
    }
}

impl Config {
    /// This configuration, with what a running enforcer cannot change left as it is.
    pub fn for_running_enforcer(self, running: &Self) -> Self {
        let minimum_level = self.enforce.minimum_level;
        let serve = Serve { user: running.serve.user.clone(), port: running.serve.port, ..self.serve };
        let dns = Dns { port: running.dns.port, ..self.dns };
        Self { enforce: Enforce { minimum_level, ..running.enforce.clone() }, serve, dns, ..self }
    }
}

/// Taken apart by name, so that a new key asks whether it can be changed.
fn serve_changes(running: &Serve, read: &Serve) -> Vec<(&'static str, bool)> {
    let Serve {
        user,
        port,
        control,
        records,
        logins,
        state,
        authority,
        trust,
        connect_timeout,
        login_timeout,
        idle_timeout,
        drain_timeout,
        max_connections,
    } = running;
    vec![
        ("serve.user", *user != read.user),
        ("serve.port", *port != read.port),
        ("serve.control", *control != read.control),
        ("serve.records", *records != read.records),
        ("serve.logins", *logins != read.logins),
        ("serve.state", *state != read.state),
        ("serve.authority", *authority != read.authority),
        ("serve.trust", *trust != read.trust),
        ("serve.connect_timeout", *connect_timeout != read.connect_timeout),
        ("serve.login_timeout", *login_timeout != read.login_timeout),
        ("serve.idle_timeout", *idle_timeout != read.idle_timeout),
        ("serve.drain_timeout", *drain_timeout != read.drain_timeout),
        ("serve.max_connections", *max_connections != read.max_connections),
    ]
}

fn enforce_changes(running: &Enforce, read: &Enforce) -> Vec<(&'static str, bool)> {
    let Enforce { cgroup_root, bpffs, socket, minimum_level: _, max_cgroups } = running;
    vec![
        ("enforce.cgroup_root", *cgroup_root != read.cgroup_root),
        ("enforce.bpffs", *bpffs != read.bpffs),
        ("enforce.socket", *socket != read.socket),
        ("enforce.max_cgroups", *max_cgroups != read.max_cgroups),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture;

    #[test]
    fn what_waits_for_a_restart_is_named_and_nothing_else() {
        let running = fixture("[agents.coder]\nslice = \"agents.slice\"\n");
        let read = fixture(
            "[serve]\nport = 7000\nidle_timeout = \"1h\"\n[enforce]\ndanger_minimum_level = \"unit\"\nmax_cgroups = 16\n[dns]\nmax_ttl = \"1s\"\n",
        );
        let gateway = Reload::of_gateway(&running, &read);
        assert_eq!(gateway.restart_needed, ["serve.port", "serve.idle_timeout"]);
        let enforcer = Reload::of_enforcer(&running, &read);
        assert_eq!(enforcer.restart_needed, ["enforce.max_cgroups", "serve.port"]);
        assert_eq!(Reload::of_gateway(&running, &running), Reload::default());
    }

    #[test]
    fn a_running_enforcer_keeps_its_ports_and_takes_the_rest() {
        let running = fixture("[serve]\nport = 6000\n");
        let read = fixture(
            "[serve]\nport = 7000\n[enforce]\ndanger_minimum_level = \"unit\"\n[agents.coder]\nslice = \"agents.slice\"\n",
        );
        let kept = read.for_running_enforcer(&running);
        assert_eq!(kept.serve.port, 6000);
        assert_eq!(kept.enforce.minimum_level, gateway_policy::level::Level::Unit);
        assert!(kept.agents.contains_key("coder"));
    }

    #[test]
    fn a_refused_configuration_leaves_what_waited_before_it() {
        let waiting = Reload { restart_needed: vec!["serve.port".to_owned()], refused: None };
        let refused = waiting.refused("a mistake".to_owned());
        assert_eq!(refused.restart_needed, ["serve.port"]);
        assert_eq!(refused.refused.as_deref(), Some("a mistake"));
    }
}
