//! Every key of the configuration: its meaning, its form, and what holds when it is absent.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use gateway_policy::access::LeaseRule;
use gateway_policy::agent::Designation;
use gateway_policy::level::Level;
use gateway_policy::policy::Policy;
use gateway_policy::rule::Rule;
use gateway_policy::target::{Protocol, Target, TargetHost};
use sha2::{Digest, Sha256};

use super::control::Control;
use super::identity::{self, Binding, IdentityProvider, IdentitySource};
use super::mistakes::Mistakes;
use super::postgres::{CredentialKind, Judging, Postgres};
use super::rules::Case;
use super::secret_reference::SecretReference;
use super::section::section;
use super::values::{self, Located};

/// The whole configuration, without a mistake.
#[derive(Debug, Clone)]
pub struct Config {
    pub enforce: Enforce,
    pub serve: Serve,
    pub dns: Dns,
    pub control: Control,
    /// Who vouches for people.
    pub identity: BTreeMap<String, IdentityProvider>,
    pub agents: BTreeMap<String, Agent>,
    pub targets: BTreeMap<String, Target>,
    /// What is particular to those targets that speak PostgreSQL, by their names.
    pub postgres: BTreeMap<String, Postgres>,
    /// What agents may do there; those of packs included.
    pub rules: Vec<Rule>,
    /// What is said about connecting.
    pub leases: Vec<LeaseRule>,
    /// What the rules are expected to say.
    pub cases: BTreeMap<String, Case>,
}

impl Config {
    /// Reads all `*.toml` files of a folder.
    pub fn load(dir: &Path) -> Result<Self, Mistakes> {
        super::load::load(dir, &super::load::uid_on_this_host)
    }

    /// All rules together, ready to judge.
    pub fn policy(&self) -> Policy {
        let observed = self.postgres.iter().filter(|(_, keys)| keys.judging == Judging::Observe);
        Policy::new(self.rules.clone(), observed.map(|(name, _)| name.clone()).collect())
    }

    /// Agents and their targets at which commands are judged and every one would be denied.
    pub fn without_leave(&self) -> Vec<(&str, &str)> {
        let policy = self.policy();
        let pairs = self.agents.iter().flat_map(|(agent, keys)| {
            keys.targets.iter().map(move |target| (agent.as_str(), target.as_str()))
        });
        let enforced =
            |target: &str| self.postgres.get(target).is_some_and(|keys| keys.judging == Judging::Enforce);
        pairs.filter(|(agent, target)| enforced(target) && !policy.allows_something(agent, target)).collect()
    }

    /// The hosts that agents want a certificate of.
    pub fn certified_hosts(&self) -> impl Iterator<Item = &TargetHost> {
        let certified = |target: &&Target| match target.protocol {
            Protocol::Postgres => true,
            Protocol::Tcp => false,
        };
        self.targets.values().filter(certified).flat_map(|target| &target.hosts)
    }

    /// Whether some secret is what a program prints. A gateway that starts without can run none.
    pub fn runs_programs(&self) -> bool {
        let of_targets = self.postgres.values().flat_map(|keys| [&keys.password, &keys.private_key]);
        let of_agents = self.agents.values().map(|keys| &keys.placeholder);
        let of_providers = self.identity.values().map(|keys| &keys.client_secret);
        let mut all = of_targets.chain(of_agents).chain(of_providers).flatten();
        all.any(|secret| matches!(secret, SecretReference::Command(..)))
    }

    /// Whether some target has logins made or lent for its sessions, for which a folder is needed.
    pub fn makes_logins(&self) -> bool {
        self.postgres.values().any(|keys| keys.credential != CredentialKind::Static)
    }

    /// The number by which the kernel knows an agent. It depends on the name only, so that it survives a reload.
    pub fn agent_id(name: &str) -> u32 {
        let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(name).into();
        u32::from_le_bytes([a, b, c, d])
    }
}

/// An agent: the cgroups that are its, and what it may reach.
#[derive(Debug, Clone)]
pub struct Agent {
    pub watch: Vec<Designation>,
    pub targets: Vec<String>,
    pub inbound: Inbound,
    pub unix_sockets: Vec<UnixPeer>,
    pub placeholder: Option<SecretReference>,
    pub identity: Vec<IdentitySource>,
    pub providers: Vec<String>,
    pub tokens: Vec<Binding>,
    pub danger_root: bool,
    pub danger_delegated: bool,
}

impl From<AgentKeys> for Agent {
    fn from(keys: AgentKeys) -> Self {
        Self {
            watch: keys.designations().map(|designation| designation.value.clone()).collect(),
            targets: keys.targets.into_iter().map(|target| target.value).collect(),
            inbound: keys.inbound,
            unix_sockets: keys.unix_sockets,
            placeholder: keys.placeholder,
            identity: keys.identity.into_iter().map(|source| source.value).collect(),
            providers: keys.providers.into_iter().map(|provider| provider.value).collect(),
            tokens: keys.tokens.into_iter().map(|binding| binding.value).collect(),
            danger_root: keys.danger_root,
            danger_delegated: keys.danger_delegated,
        }
    }
}

impl AgentKeys {
    /// All that points at cgroups, whichever key it stands in.
    pub(super) fn designations(&self) -> impl Iterator<Item = &Located<Designation>> {
        [&self.cgroup, &self.unit, &self.slice, &self.user].into_iter().flatten()
    }
}

/// From where an agent's listening sockets can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inbound {
    /// From any process on the host's loopback.
    Loopback,
    /// From the agent itself only.
    Own,
}

impl Inbound {
    pub const ALL: [Self; 2] = [Self::Loopback, Self::Own];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Own => "own",
        }
    }
}

/// A unix socket outside the agent that it may talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnixPeer {
    Path(PathBuf),
    /// Without the leading `@`.
    Abstract(String),
}

impl FromStr for UnixPeer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // One byte less than the address holds: a path ends in a zero, an abstract name begins with one.
        match text.strip_prefix('@') {
            _ if text.len() > 107 => Err("it is longer than a unix socket address"),
            Some("") => Err("an abstract socket has a name after the `@`"),
            Some(name) => Ok(Self::Abstract(name.to_string())),
            None if text.starts_with('/') && !text.contains("/../") => Ok(Self::Path(PathBuf::from(text))),
            None => Err("it is neither an absolute path nor an `@name`"),
        }
    }
}

impl fmt::Display for UnixPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Abstract(name) => write!(f, "@{name}"),
        }
    }
}

section! {
    /// The enforcer, `postern enforce`, which puts the programs into the kernel.
    pub struct Enforce {
        /// Where the cgroup2 hierarchy is mounted. `auto` finds it, also beside a version 1 hierarchy.
        #[form("a path, or \"auto\"", default = "auto", read = values::path_or_auto)]
        cgroup_root: Option<PathBuf>,
        /// Folder on a BPF file system that keeps the programs when the enforcer ends. Only root may enter it.
        #[form("a path", default = "/sys/fs/bpf/postern", read = values::absolute_path)]
        bpffs: PathBuf,
        /// Socket on which the gateway asks whose connection it has.
        #[form("a path", default = "/run/postern/enforce.sock", read = values::socket_path)]
        socket: PathBuf,
        /// The least level of enforcement at which agents may start. Below `full` some ways out are open;
        /// `postern doctor` names them.
        #[form("\"full\", \"unit\" or \"cgroup\"", default = "full", read = values::level, key = "danger_minimum_level")]
        minimum_level: Level,
        /// How many cgroups can be watched at the same time. When no room is left, new cgroups of agents reach nothing.
        #[form("a number from 16 to 1000000", default = 4096, read = values::count(16..=1_000_000))]
        max_cgroups: u32,
    }
}

section! {
    /// The gateway, `postern serve`, which every connection of an agent passes through.
    pub struct Serve {
        /// The user that the gateway runs as, which is not root. The enforcer answers this user and root only.
        #[form("a user of this host", default = "postern", read = values::gateway_user)]
        user: String,
        /// The TCP port on 127.0.0.1 and ::1 that the kernel sends agents' connections to.
        #[form("a port from 1024", default = 6100, read = values::own_port)]
        port: u16,
        /// Socket of the control interface, which `postern status` and others ask; `[control]` says who may.
        #[form("a path", default = "/run/postern/control.sock", read = values::socket_path)]
        control: PathBuf,
        /// Folder for the records of connections.
        #[form("a path", default = "/var/lib/postern/records", read = values::absolute_path)]
        records: PathBuf,
        /// Folder for the list of logins that were made at targets, so that those left by a crash are dropped.
        #[form("a path", default = "/var/lib/postern/logins", read = values::absolute_path)]
        logins: PathBuf,
        /// Folder for what must outlive the gateway: leases, locks, and what waits for people. Nobody but `user` may read it.
        #[form("a path", default = "/var/lib/postern/state", read = values::absolute_path)]
        state: PathBuf,
        /// Folder for the keys and certificates of the gateway's own certificate authorities, which vouch for it to
        /// agents. Nobody but `user` may read the keys.
        #[form("a path", default = "/var/lib/postern/authority", read = values::absolute_path)]
        authority: PathBuf,
        /// Folder that everybody may read. `ca.pem` has the certificates of those authorities, `ca-bundle.pem` has them
        /// and what the host believes.
        #[form("a path", default = "/var/cache/postern", read = values::absolute_path)]
        trust: PathBuf,
        /// How long a target may take to accept a connection.
        #[form("a duration", default = "10s", read = values::duration)]
        connect_timeout: Duration,
        /// How long an agent may take to log in, where something is spoken that has a login.
        #[form("a duration", default = "30s", read = values::duration)]
        login_timeout: Duration,
        /// How long a connection may be silent in both directions before it is closed.
        #[form("a duration", default = "2h", read = values::duration)]
        idle_timeout: Duration,
        /// How long open connections may go on when the gateway is asked to stop.
        #[form("a duration", default = "30s", read = values::duration)]
        drain_timeout: Duration,
        /// How many connections may be open at the same time. Further ones are refused and recorded.
        #[form("a number from 1 to 1000000", default = 20000, read = values::count(1..=1_000_000))]
        max_connections: u32,
    }
}

section! {
    /// The gateway's answer to agents that look up names. It answers from the host's own resolver, and only
    /// for the host names of the agent's targets.
    pub struct Dns {
        /// The UDP port on 127.0.0.1 and ::1 that the kernel sends agents' questions to.
        #[form("a port from 1024", default = 6101, read = values::own_port)]
        port: u16,
        /// The longest time that an agent may keep an answer.
        #[form("a duration", default = "30s", read = values::duration)]
        max_ttl: Duration,
        /// How long the host's resolver may take.
        #[form("a duration", default = "5s", read = values::duration)]
        timeout: Duration,
    }
}

section! {
    /// One table for each agent: `[agents.NAME]`. At least one of `cgroup`, `unit`, `slice` and `user` says which
    /// cgroups are the agent's, with all their descendants. Each may hold one `*`, which stands for any text.
    /// A cgroup can be only one agent's.
    pub struct AgentKeys {
        /// Paths below the root of the cgroup2 hierarchy, such as `"/agents.slice/coder-*"`. The `*` may stand in the
        /// last component.
        #[form("a path, or a list of them", default = [], read = values::designations(values::cgroup))]
        cgroup: Vec<Located<Designation>>,
        /// systemd units, such as `"coder@*.service"`, wherever systemd puts them.
        #[form("a unit name, or a list of them", default = [], read = values::designations(values::unit))]
        unit: Vec<Located<Designation>>,
        /// systemd slices with all that runs in them, such as `"agents.slice"`.
        #[form("a slice name, or a list of them", default = [], read = values::designations(values::slice))]
        slice: Vec<Located<Designation>>,
        /// Users whose login sessions are the agent. Such a user manages cgroups of their own, so this needs
        /// `danger_delegated = true`.
        #[form("a user name, or a list of them", default = [], read = values::designations(values::agent_user))]
        user: Vec<Located<Designation>>,
        /// Names of the targets that the agent may reach. Nothing else can be reached.
        #[form("a target name, or a list of them", default = [], read = values::list(values::located(values::text)))]
        targets: Vec<Located<String>>,
        /// From where servers of the agent can be reached: `loopback` from any process of this host, `own` from the
        /// agent only. They are never reached from outside the host.
        #[form("\"loopback\" or \"own\"", default = "loopback", read = values::inbound)]
        inbound: Inbound,
        /// Unix sockets outside the agent that it may talk to: a path, or `"@name"` for an abstract socket.
        #[form("a socket, or a list of them", default = ["/run/systemd/journal/stdout"], read = values::list(values::unix_peer))]
        unix_sockets: Vec<UnixPeer>,
        /// A password for drivers that insist on being asked for one: a reference to it, such as `"file:PATH"`. It opens
        /// nothing but this gate and only for this agent, so it may stand where a real one stood. Without it, agents are
        /// asked for nothing.
        #[form("a reference to a secret, or \"none\"", default = "none", read = values::or_none(values::secret_reference))]
        placeholder: Option<SecretReference>,
        /// How the agent shows for whom it acts, tried in this order. `attested`: not at all, the kernel's facts will do.
        /// `token-file:PATH`: a token in a file, as the agent sees it. `token-in-band`: a token in place of the database
        /// password. `environment:NAME`: a token in a variable of the process that connects. `client-credentials`: the
        /// gateway asks the provider.
        #[form("a source, or a list of them", default = ["attested"], read = values::some(identity::source))]
        identity: Vec<Located<IdentitySource>>,
        /// Tables of `[identity]` whose tokens count for this agent.
        #[form("a name, or a list of them", default = [], read = values::list(values::located(values::text)))]
        providers: Vec<Located<String>>,
        /// Which tokens are this agent's and no other's: given to a client (`client:NAME`), of a subject
        /// (`subject:NAME`), or of somebody who acts for the subject (`actor:NAME`). `*` stands for any text.
        #[form("a binding, or a list of them", default = [], read = values::list(identity::binding))]
        tokens: Vec<Located<Binding>>,
        /// Lets the agent run as root. Root can be held against network calls, not contained in general.
        #[form("true or false", default = false, read = values::flag)]
        danger_root: bool,
        /// Lets the agent live where a user manages cgroups. Without the full level such an agent can move itself out.
        #[form("true or false", default = false, read = values::flag)]
        danger_delegated: bool,
    }
}

section! {
    /// One table for each target: `[targets.NAME]`. A connection whose destination is no target of the agent is
    /// refused and recorded.
    pub struct TargetKeys {
        /// What is spoken with the target. `postgres` is understood, with a login of the gateway's own, and needs a
        /// table `[targets.NAME.postgres]`. `tcp` is relayed as opaque bytes.
        #[form("\"postgres\" or \"tcp\"", default = required, read = values::protocol)]
        protocol: Protocol,
        /// Where the target is: exact host names, addresses, or networks such as `"10.0.0.0/8"`. An exact name beats an
        /// address, an address a network, a longer prefix a shorter one.
        #[form("a host, or a list of them", default = required, read = values::some(values::target_host))]
        hosts: Vec<TargetHost>,
        /// The ports of the target.
        #[form("a port, or a list of them", default = required, read = values::some(values::port))]
        ports: Vec<u16>,
    }
}
