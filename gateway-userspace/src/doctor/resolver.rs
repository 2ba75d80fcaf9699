//! The host's own resolver, from which the gateway answers agents.

use std::io;
use std::net::ToSocketAddrs;
use std::sync::mpsc;
use std::time::Duration;

use gateway_policy::target::TargetHost;

use super::Finding;
use crate::config::Config;

const CHECK: &str = "resolver";

/// Looks up this host, and the first name that a target has.
pub fn check(config: &Config) -> Vec<Finding> {
    let wait = config.dns.timeout;
    let remedy = "correct /etc/hosts and /etc/nsswitch.conf";
    let mut findings = vec![match look_up("localhost", wait) {
        Ok(()) => Finding::ok(CHECK, "localhost has an address"),
        Err(error) => Finding::broken(CHECK, format!("localhost: {error}"), remedy),
    }];
    if let Some(name) = first_name(config) {
        findings.push(match look_up(&name, wait) {
            Ok(()) => Finding::ok(CHECK, format!("{name} has an address")),
            Err(error) => {
                let remedy = "correct the name, or the host's resolver (/etc/resolv.conf)";
                Finding::gap(CHECK, format!("{name}: {error}"), remedy)
            }
        });
    }
    findings
}

fn first_name(config: &Config) -> Option<String> {
    config.targets.values().flat_map(|target| &target.hosts).find_map(|host| match host {
        TargetHost::Name(name) => Some(name.to_string()),
        TargetHost::Address(_) | TargetHost::Network(_) => None,
    })
}

/// The C library's resolver cannot be interrupted, so it is left behind when it takes too long.
fn look_up(name: &str, wait: Duration) -> io::Result<()> {
    let (answer, question) = mpsc::channel();
    let name = name.to_string();
    std::thread::spawn(move || {
        let found = (name.as_str(), 0).to_socket_addrs().map(drop);
        // Nobody listens any more when it took too long.
        let _ = answer.send(found);
    });
    question.recv_timeout(wait).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
