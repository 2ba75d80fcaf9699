//! Who vouches for the people that agents act for, and how an agent shows for whom it acts.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use gateway_policy::rule::Pattern;
use gateway_protocols::jose::Algorithm;

use super::secret_reference::SecretReference;
use super::section::{Value, did_you_mean, section};
use super::values::{self, Located};

/// Where the proof of an identity comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// From nowhere: the kernel's facts alone will do.
    Attested,
    /// A file, as the agent sees it.
    TokenFile(PathBuf),
    /// The database password.
    TokenInBand,
    /// A variable of the process that connects.
    Environment(String),
    /// The provider is asked by the gateway.
    ClientCredentials,
}

impl IdentitySource {
    /// Whether the agent itself brings a token, which may be somebody else's.
    pub fn is_brought(&self) -> bool {
        match self {
            Self::TokenFile(_) | Self::TokenInBand | Self::Environment(_) => true,
            Self::Attested | Self::ClientCredentials => false,
        }
    }

    /// Whether the gateway itself speaks to the provider as a client of it.
    pub fn needs_client(&self) -> bool {
        *self == Self::ClientCredentials
    }
}

/// What makes a token this agent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// It was given to this client.
    Client(Pattern),
    Subject(Pattern),
    /// Who acts for the subject.
    Actor(Pattern),
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(pattern) => write!(f, "client:{pattern}"),
            Self::Subject(pattern) => write!(f, "subject:{pattern}"),
            Self::Actor(pattern) => write!(f, "actor:{pattern}"),
        }
    }
}

section! {
    /// One table for each provider of identities: `[identity.NAME]`. It vouches for people by tokens that it signs (OpenID
    /// Connect, JWT access tokens, SPIFFE JWT-SVIDs). [identity.md](identity.md) explains it with examples.
    pub struct IdentityProvider {
        /// What the provider calls itself, exactly as its tokens do.
        #[form("an https:// address", default = required, read = values::text)]
        issuer: String,
        /// Whom tokens have to be meant for; one of these will do.
        #[form("text, or a list of it", default = required, read = values::some(values::text))]
        audience: Vec<String>,
        /// A file with the certificates that the provider's must be signed by, as PEM. `auto` takes those that this host
        /// trusts.
        #[form("a path, or \"auto\"", default = "auto", read = values::path_or_auto)]
        ca: Option<PathBuf>,
        /// How tokens may be signed.
        #[form("\"ES256\", \"ES384\", \"RS256\", \"PS256\" or \"EdDSA\", or a list of them", default = ["ES256", "ES384", "RS256", "PS256", "EdDSA"], read = values::some(algorithm))]
        algorithms: Vec<Algorithm>,
        /// What kind of token it has to be, as its header's `typ` says; `"none"` is one that does not say. The default
        /// keeps ID tokens from being taken for access tokens.
        #[form("text, or a list of it", default = ["at+jwt"], read = values::some(values::text))]
        types: Vec<String>,
        /// The clients that tokens may have been given to (`azp`, `client_id`). None named is every one.
        #[form("text, or a list of it", default = [], read = values::list(values::text))]
        clients: Vec<String>,
        /// What tokens have to say beyond that: the path of a claim, and the text that it is or holds.
        #[form("\"CLAIM=TEXT\", or a list of them", default = [], read = values::list(requirement))]
        require: Vec<(String, String)>,
        /// Where a token has the groups of the person: the name of a claim, or a path with dots.
        #[form("a path", default = "groups", read = values::text)]
        groups: String,
        /// What is put before the subjects and groups of this provider wherever rules and records name them, so that
        /// those of two providers are not mixed up.
        #[form("text, or \"none\"", default = "none", read = values::or_none(values::text))]
        prefix: Option<String>,
        /// How far the provider's clock may be from this host's; at most a minute.
        #[form("a duration", default = "30s", read = leeway)]
        leeway: Duration,
        /// The age from which a token does not count any more, however long it calls itself valid.
        #[form("a duration", default = "1day", read = values::duration)]
        max_age: Duration,
        /// The longest token that is read.
        #[form("a size from \"1KiB\" to \"32KiB\"", default = "16KiB", read = values::size(1 << 10..=32 << 10))]
        max_token: u32,
        /// How long the provider's keys are used before they are asked for again.
        #[form("a duration", default = "10m", read = values::duration)]
        keys_age: Duration,
        /// How long they stay in use while the provider does not answer.
        #[form("a duration", default = "4h", read = values::duration)]
        keys_away: Duration,
        /// How long the provider may take to answer.
        #[form("a duration", default = "10s", read = values::duration)]
        timeout: Duration,
        /// As which client the gateway speaks to the provider, for agents with `client-credentials`.
        #[form("text, or \"none\"", default = "none", read = values::or_none(values::text))]
        client_id: Option<String>,
        /// Where the secret of that client is.
        #[form("a reference to a secret, or \"none\"", default = "none", read = values::or_none(values::secret_reference))]
        client_secret: Option<SecretReference>,
        /// What the gateway asks for, with spaces between scopes.
        #[form("text, or \"none\"", default = "none", read = values::or_none(values::text))]
        scope: Option<String>,
        /// For which resource (RFC 8707) the gateway asks for a token.
        #[form("text, or \"none\"", default = "none", read = values::or_none(values::text))]
        resource: Option<String>,
        /// How often the gateway asks the provider anew whether it still vouches, for `client-credentials`.
        #[form("a duration", default = "1m", read = values::duration)]
        recheck: Duration,
        /// Lets a provider on this host's loopback be asked without TLS.
        #[form("true or false", default = false, read = values::flag)]
        danger_http: bool,
    }
}

fn algorithm(value: &Value<'_>) -> Option<Algorithm> {
    let given = values::text(value)?;
    Algorithm::named(&given).or_else(|| {
        let names = Algorithm::ALL.map(Algorithm::name);
        value.wrong(format!("`{given}` is no algorithm that is accepted"), did_you_mean(&given, &names))
    })
}

fn leeway(value: &Value<'_>) -> Option<Duration> {
    let given = values::duration(value)?;
    if given <= Duration::from_secs(60) {
        Some(given)
    } else {
        value.wrong("it must be at most a minute", "set the clocks, and write \"30s\"")
    }
}

fn requirement(value: &Value<'_>) -> Option<(String, String)> {
    let given = values::text(value)?;
    match given.split_once('=') {
        Some((path, text)) if !path.is_empty() && !text.is_empty() => {
            Some((path.to_owned(), text.to_owned()))
        }
        _ => value.wrong(
            format!("`{given}` is no requirement"),
            "write a claim and its text, such as \"tenant=acme\"",
        ),
    }
}

/// How an agent shows for whom it acts.
pub(super) fn source(value: &Value<'_>) -> Option<Located<IdentitySource>> {
    const REMEDY: &str = "write \"attested\", \"token-file:PATH\", \"token-in-band\", \"environment:NAME\" or \"client-credentials\"";
    let given = values::text(value)?;
    let read = match given.split_once(':') {
        None => match given.as_str() {
            "attested" => Some(IdentitySource::Attested),
            "token-in-band" => Some(IdentitySource::TokenInBand),
            "client-credentials" => Some(IdentitySource::ClientCredentials),
            _ => None,
        },
        Some(("token-file", path)) if path.starts_with('/') && !path.split('/').any(|part| part == "..") => {
            Some(IdentitySource::TokenFile(path.into()))
        }
        Some(("environment", name)) if is_variable(name) => {
            Some(IdentitySource::Environment(name.to_owned()))
        }
        Some(_) => None,
    };
    match read {
        Some(source) => Some(Located { value: source, place: value.place() }),
        None => value.wrong(format!("`{given}` is no source of an identity"), REMEDY),
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

pub(super) fn binding(value: &Value<'_>) -> Option<Located<Binding>> {
    const REMEDY: &str = "write \"client:NAME\", \"subject:NAME\" or \"actor:NAME\", with `*` for any text";
    let given = values::text(value)?;
    let (kind, name) = given.split_once(':').unwrap_or((&given, ""));
    let binding = Pattern::parse(name).ok().filter(|pattern| !pattern.matches_everything());
    let binding = binding.and_then(|pattern| match kind {
        "client" => Some(Binding::Client(pattern)),
        "subject" => Some(Binding::Subject(pattern)),
        "actor" => Some(Binding::Actor(pattern)),
        _ => None,
    });
    match binding {
        Some(binding) => Some(Located { value: binding, place: value.place() }),
        None => value.wrong(format!("`{given}` does not say whose tokens are meant"), REMEDY),
    }
}
