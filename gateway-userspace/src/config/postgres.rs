//! What is particular to a target that speaks PostgreSQL.

use std::path::PathBuf;
use std::time::Duration;

use gateway_policy::target::HostName;

use super::secret_reference::SecretReference;
use super::section::section;
use super::values;

/// Where the login of a session comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// One login, whose secret the gateway knows.
    Static,
    /// A login made for the session and dropped after it.
    Role,
    /// A login lent from a fixed pool, for servers that cannot have logins made safely.
    Pool,
    /// A certificate made for the session.
    ClientCert,
}

impl CredentialKind {
    pub const ALL: [Self; 4] = [Self::Static, Self::Role, Self::Pool, Self::ClientCert];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Role => "role",
            Self::Pool => "pool",
            Self::ClientCert => "client-cert",
        }
    }

    /// Whether there is a login at the server for each session, to be taken back after it.
    pub const fn is_of_a_session(self) -> bool {
        match self {
            Self::Role | Self::Pool => true,
            Self::Static | Self::ClientCert => false,
        }
    }
}

/// What the target has to show before a login is sent, the strictest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tls {
    Disable,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Tls {
    pub const ALL: [Self; 4] = [Self::VerifyFull, Self::VerifyCa, Self::Require, Self::Disable];

    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyFull => "verify-full",
            Self::VerifyCa => "verify-ca",
            Self::Require => "require",
            Self::Disable => "disable",
        }
    }

    /// What is given up by being content with less than everything.
    pub const fn gives_up(self) -> Option<&'static str> {
        match self {
            Self::VerifyFull => None,
            Self::VerifyCa => Some("any server with a certificate of the CA is taken for the target"),
            Self::Require => Some("any server on the way is taken for the target"),
            Self::Disable => Some("logins and data can be read and changed on the way to the target"),
        }
    }
}

/// What becomes of the rules' verdict on a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judging {
    Enforce,
    /// Nothing is denied; what would have been is recorded.
    Observe,
    /// Commands are recorded, and nobody asks what they do.
    Off,
}

impl Judging {
    pub const ALL: [Self; 3] = [Self::Enforce, Self::Observe, Self::Off];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
            Self::Off => "off",
        }
    }

    /// What is given up by less than enforcing.
    pub const fn gives_up(self) -> Option<&'static str> {
        match self {
            Self::Enforce => None,
            Self::Observe => Some("what the rules deny is recorded and done all the same"),
            Self::Off => Some("every command is done, and no rule is asked"),
        }
    }
}

/// The SHA-256 of a certificate that is the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin(pub [u8; 32]);

section! {
    /// How the gateway speaks with a target whose `protocol` is `postgres`. What the agent sends as user and password
    /// is not used: the gateway logs in on its own.
    pub struct Postgres {
        /// Where the login of a session comes from. `static`: one login that exists. `role`: a login that is made for
        /// the session and dropped after it, on PostgreSQL 16 and newer. `pool`: a login lent from a fixed pool, for
        /// older servers. `client-cert`: a certificate made for the session. `role` and `pool` are prepared with
        /// `postern target init NAME`.
        #[form("\"static\", \"role\", \"pool\" or \"client-cert\"", default = "static", read = values::credential_kind)]
        credential: CredentialKind,
        /// The gateway's own login at the server: what sessions use if they are `static` or `client-cert`; what makes
        /// or lends their logins otherwise.
        #[form("a name", default = required, read = values::text)]
        user: String,
        /// Where its password is: `"file:PATH"` (for nobody else to read), `"credential:NAME"` (of systemd),
        /// `"env:NAME"`, or `"command:PATH ARGUMENTS"` (what it prints).
        #[form("a reference to a secret, or \"none\"", default = "none", read = values::or_none(values::secret_reference))]
        password: Option<SecretReference>,
        /// A file with the certificate that the gateway logs in with, and those that sign it, as PEM.
        #[form("a path, or \"none\"", default = "none", read = values::or_none(values::absolute_path))]
        certificate: Option<PathBuf>,
        /// Where the private key of `certificate` is.
        #[form("a reference to a secret, or \"none\"", default = "none", read = values::or_none(values::secret_reference))]
        private_key: Option<SecretReference>,
        /// The roles whose rights a session has, with `role` and `pool`. It has no others.
        #[form("a role, or a list of them", default = [], read = values::list(values::text))]
        grant: Vec<String>,
        /// The database in which `user` makes or lends logins.
        #[form("a name", default = "postgres", read = values::text)]
        admin_database: String,
        /// The databases in which `pool` cleans up after its logins.
        #[form("a name, or a list of them", default = [], read = values::list(values::text))]
        databases: Vec<String>,
        /// How many logins the `pool` has, which is how many sessions there can be at a time.
        #[form("a number from 1 to 1000", default = 16, read = values::count(1..=1000))]
        pool_size: u32,
        /// A file with the certificates that the target's must be signed by, as PEM. `auto` takes those that this host
        /// trusts.
        #[form("a path, or \"auto\"", default = "auto", read = values::path_or_auto)]
        ca: Option<PathBuf>,
        /// The very certificates that the target may show, whoever signed them, as `"sha256:HEX"`. Print one with
        /// `openssl x509 -noout -fingerprint -sha256`; colons are allowed.
        #[form("a fingerprint, or a list of them", default = [], read = values::list(values::pin))]
        pin: Vec<Pin>,
        /// The name that the target's certificate has to be for. `auto` takes the names and addresses in `hosts`.
        #[form("a host name, or \"auto\"", default = "auto", read = values::name_or_auto)]
        server_name: Option<HostName>,
        /// What the target has to show. Less than `verify-full` lets others stand in for it.
        #[form("\"verify-full\", \"verify-ca\", \"require\" or \"disable\"", default = "verify-full", read = values::tls, key = "danger_tls")]
        tls: Tls,
        /// Lets the password be sent as it is even if nobody has proved to be the target.
        #[form("true or false", default = false, read = values::flag)]
        danger_cleartext_password: bool,
        /// What becomes of what the rules say. `observe` denies nothing and records what would have been denied. `off`
        /// asks no rule.
        #[form("\"enforce\", \"observe\" or \"off\"", default = "enforce", read = values::judging, key = "danger_judging")]
        judging: Judging,
        /// Lets agents open replication connections. SQL is judged there as everywhere, the commands of replication are
        /// not: with them an agent can copy the whole server. The login needs the attribute REPLICATION.
        #[form("true or false", default = false, read = values::flag)]
        danger_replication: bool,
        /// How long the target may take to let the gateway in.
        #[form("a duration", default = "10s", read = values::duration)]
        login_timeout: Duration,
        /// The longest message that is read. Longer ones are refused.
        #[form("a size from \"64KiB\" to \"1GiB\"", default = "16MiB", read = values::size(64 << 10..=1 << 30))]
        max_message: u32,
    }
}
