//! What an agent's programs are told to believe, where they do not ask the host.
//!
//! Node, Python's requests and PostgreSQL's own library have lists of their own. Each is told by a variable where to
//! find the gateway's authorities. What the caller has set stays.

use std::ffi::OsStr;
use std::path::PathBuf;

use gateway_policy::target::{Protocol, Target};

use crate::config::{Agent, Config};
use crate::tls::trust::Trust;

/// Variables that name all there is to believe.
const ALL: [&str; 3] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
/// The one that names what is believed besides.
const BESIDES: &str = "NODE_EXTRA_CA_CERTS";
/// PostgreSQL's library believes nobody until it is told whom. From then on it checks certificates even where it is
/// only asked for TLS, so this is for agents that the gateway speaks PostgreSQL with.
const POSTGRESQL: &str = "PGSSLROOTCERT";

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Beliefs(Vec<(&'static str, PathBuf)>);

impl Beliefs {
    pub fn of(agent: &Agent, config: &Config, is_set: impl Fn(&OsStr) -> bool) -> Self {
        let trust = Trust::below(&config.serve.trust);
        let protocols = agent.targets.iter().filter_map(|target| config.targets.get(target)).map(protocol);
        let mut beliefs = Vec::new();
        for protocol in protocols.filter(|_| trust.exists()) {
            match protocol {
                Protocol::Tcp => (),
                Protocol::Postgres => {
                    beliefs.extend(ALL.map(|name| (name, trust.bundle.clone())));
                    beliefs.push((BESIDES, trust.own.clone()));
                    beliefs.push((POSTGRESQL, trust.bundle.clone()));
                }
            }
        }
        beliefs.sort();
        beliefs.dedup();
        beliefs.retain(|(name, _)| !is_set(OsStr::new(name)));
        Self(beliefs)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        self.0.iter().map(|(name, path)| (*name, path))
    }
}

fn protocol(target: &Target) -> Protocol {
    target.protocol
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture;

    fn beliefs(protocol: &str, set: &[&str]) -> Vec<&'static str> {
        let folder = tempfile::tempdir().expect("a folder");
        let more = if protocol == "postgres" {
            "[targets.db.postgres]\nuser = \"app\"\npassword = \"env:PW\""
        } else {
            ""
        };
        let config = fixture(&format!(
            r#"
            [serve]
            trust = "{}"
            [agents.coder]
            slice = "agents.slice"
            targets = ["db"]
            [targets.db]
            protocol = "{protocol}"
            hosts = ["db.example.com"]
            ports = [5432]
            {more}
            "#,
            folder.path().display()
        ));
        let agent = &config.agents["coder"];
        let is_set = |name: &OsStr| set.iter().any(|known| OsStr::new(known) == name);
        assert_eq!(Beliefs::of(agent, &config, is_set), Beliefs::default());
        Trust::below(folder.path()).publish(&[]).expect("published");
        let beliefs = Beliefs::of(agent, &config, is_set);
        beliefs.iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn an_agent_whose_protocol_is_understood_is_told_whom_to_believe() {
        let all =
            ["CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PGSSLROOTCERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"];
        assert_eq!(beliefs("postgres", &[]), all);
    }

    #[test]
    fn an_agent_whose_bytes_are_relayed_believes_what_it_did() {
        assert!(beliefs("tcp", &[]).is_empty());
    }

    #[test]
    fn what_the_caller_has_set_stays() {
        let told = beliefs("postgres", &["SSL_CERT_FILE", "PGSSLROOTCERT"]);
        assert_eq!(told, ["CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"]);
    }
}
