//! The configuration of one gateway under test.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::gateway::Gateway;
use crate::host::Tag;

/// What a gateway is started with. Agents are the cgroups `TAG-NAME.*`.
#[derive(Debug)]
pub struct Plan {
    pub(crate) tag: Tag,
    pub(crate) agents_and_targets: String,
    pub(crate) serve: String,
    pub(crate) port: Option<u16>,
    pub(crate) hosts_file: String,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            tag: Tag::fresh(),
            agents_and_targets: String::new(),
            serve: String::new(),
            port: None,
            hosts_file: "127.0.0.1 localhost\n::1 localhost\n".to_owned(),
        }
    }
}

impl Plan {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    pub fn agent(self, name: &str, targets: &[&str]) -> Self {
        self.agent_with(name, targets, "")
    }

    /// An agent with further lines of configuration.
    pub fn agent_with(mut self, name: &str, targets: &[&str], more: &str) -> Self {
        let tag = self.tag.as_str();
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.agents_and_targets,
            "[agents.{name}]\ncgroup = \"/{tag}-{name}.*\"\ntargets = {targets:?}\n{more}"
        );
        self
    }

    pub fn target(mut self, name: &str, hosts: &[&str], ports: &[u16]) -> Self {
        let _ = writeln!(
            self.agents_and_targets,
            "[targets.{name}]\nprotocol = \"tcp\"\nhosts = {hosts:?}\nports = {ports:?}"
        );
        self
    }

    /// Whole tables of configuration.
    pub fn tables(mut self, text: &str) -> Self {
        self.agents_and_targets.push_str(text);
        self.agents_and_targets.push('\n');
        self
    }

    /// Further lines for `[serve]`.
    pub fn serve(mut self, lines: &str) -> Self {
        self.serve.push_str(lines);
        self.serve.push('\n');
        self
    }

    /// The gateway's port, where a test must know it before.
    pub fn on_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// A name that the gateway's resolver answers, and nobody else's.
    pub fn name(mut self, name: &str, addresses: &[IpAddr]) -> Self {
        for address in addresses {
            let _ = writeln!(self.hosts_file, "{address} {name}");
        }
        self
    }

    /// Starts both processes and waits until they answer.
    pub fn start(self) -> anyhow::Result<Gateway> {
        let mut gateway = Gateway::prepare(self)?;
        gateway.start_enforcer()?;
        gateway.start_gateway()?;
        Ok(gateway)
    }

    /// Starts the enforcer alone.
    pub fn start_enforcer(self) -> anyhow::Result<Gateway> {
        let mut gateway = Gateway::prepare(self)?;
        gateway.start_enforcer()?;
        Ok(gateway)
    }
}
