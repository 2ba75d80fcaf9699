//! For whom an agent acts: shown by a token that a provider has signed, found where the configuration says, and the
//! agent's own.
//!
//! `token.rs` is a token, `provider.rs` says whether one counts, with the keys in `keyring.rs`; `client.rs` asks a
//! provider for one. `acting.rs` is what a connection has of it, and `watching.rs` ends or changes that. What is read in
//! a token and how is `gateway_protocols::jose`'s.

mod acting;
mod client;
mod keyring;
mod problem;
mod provider;
#[cfg(test)]
mod tests;
mod token;
mod watching;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use gateway_audit::event::{IdentityProblem, Proved};
use gateway_policy::target::Protocol;
use gateway_protocols::jose::claims::Claims;
use gateway_protocols::jose::json::Value;
use tokio::sync::watch;

use crate::attribution::Enforcer;
use crate::attribution::wire::{Attribution, TokenFound, TokenPlace};
use crate::config::{Agent, Binding, Config, IdentitySource};
use crate::report::one_line;
use crate::sys::clock::Clock;
pub use acting::{Identity, Proven, Standing};
pub use problem::Unproved;
use provider::{Provider, Refused};
pub use token::Token;

/// Everything that identities are judged by.
#[derive(Debug)]
pub struct Identities {
    known: watch::Sender<Arc<Known>>,
    enforcer: Arc<Enforcer>,
    clock: Arc<dyn Clock>,
}

/// One configuration's providers and agents.
#[derive(Debug, Default)]
struct Known {
    providers: BTreeMap<String, Arc<Provider>>,
    agents: BTreeMap<String, Terms>,
}

/// How one agent shows for whom it acts.
#[derive(Debug, Clone)]
struct Terms {
    sources: Vec<IdentitySource>,
    tokens: Vec<Binding>,
    providers: Vec<Arc<Provider>>,
}

/// Whose token is looked for.
#[derive(Debug, Clone, Copy)]
struct Whose<'a> {
    agent: &'a str,
    tgid: u32,
}

impl Identities {
    pub fn new(config: &Config, enforcer: Arc<Enforcer>, clock: Arc<dyn Clock>) -> Self {
        let known = Known::of(config, &Known::default(), &clock);
        Self { known: watch::Sender::new(Arc::new(known)), enforcer, clock }
    }

    /// From now on another configuration holds, for open connections too. A provider that reads as it did keeps its keys.
    pub fn replace(&self, config: &Config) {
        let known = Known::of(config, &self.known.borrow(), &self.clock);
        self.known.send_replace(Arc::new(known));
    }

    /// For whom the agent of a new connection acts, as far as that can be told before it logs in.
    pub async fn identify(&self, whose: &Attribution, protocol: Protocol) -> Result<Identity, Unproved> {
        let asks = Whose { agent: &whose.agent, tgid: whose.tgid };
        let standing = self.stand(asks, 0, protocol).await?;
        Ok(Identity::new(&whose.agent, whose.tgid, standing))
    }

    /// What the agent has sent as its password: a token, or nothing of that kind.
    pub async fn at_login(&self, identity: &Identity, password: Option<Token>) -> Result<(), Unproved> {
        let Standing::AtLogin { next } = identity.standing() else { return Ok(()) };
        let whose = Whose { agent: identity.agent(), tgid: identity.tgid() };
        let known = self.known();
        let terms = known.terms(whose.agent)?;
        let standing = match password.filter(Token::looks_like_one) {
            Some(token) => {
                Standing::Person(self.prove(terms, &token, Proved::TokenInBand, Brought::ByAgent).await?)
            }
            None if next == terms.sources.len() => {
                return Err(terms.nothing(IdentityProblem::NoToken, Some(&IdentitySource::TokenInBand)));
            }
            // What comes behind it needs no login any more.
            None => self.stand(whose, next, Protocol::Tcp).await?,
        };
        identity.replace(standing);
        Ok(())
    }

    /// Tries one source after the other. Where there is nothing, the next one is tried; where there is something that
    /// does not count, none is.
    async fn stand(&self, whose: Whose<'_>, from: usize, protocol: Protocol) -> Result<Standing, Unproved> {
        let known = self.known();
        let terms = known.terms(whose.agent)?;
        let mut last = None;
        for (index, source) in terms.sources.iter().enumerate().skip(from) {
            match (source, protocol) {
                (IdentitySource::Attested, _) => return Ok(Standing::Attested),
                (IdentitySource::TokenInBand, Protocol::Postgres) => {
                    return Ok(Standing::AtLogin { next: index + 1 });
                }
                // There is no login to bring it with.
                (IdentitySource::TokenInBand, Protocol::Tcp) => continue,
                _ => (),
            }
            if let Some(proven) = self.look(terms, source, whose).await? {
                return Ok(Standing::Person(proven));
            }
            last = Some(source);
        }
        let problem = match last {
            Some(_) => IdentityProblem::NoToken,
            None => IdentityProblem::NotConfigured,
        };
        Err(terms.nothing(problem, last.or(terms.sources.last())))
    }

    /// Looks in one place. `None`: there is nothing.
    async fn look(
        &self,
        terms: &Terms,
        source: &IdentitySource,
        whose: Whose<'_>,
    ) -> Result<Option<Proven>, Unproved> {
        let place = match source {
            IdentitySource::TokenFile(path) => TokenPlace::File(path.clone()),
            IdentitySource::Environment(name) => TokenPlace::Variable(name.clone()),
            IdentitySource::ClientCredentials => return self.ask_provider(terms).await.map(Some),
            IdentitySource::Attested | IdentitySource::TokenInBand => {
                return Ok(None);
            }
        };
        let proved = proved(source);
        match self.enforcer.token(whose.agent, whose.tgid, place).await {
            Ok(TokenFound::Token(text)) => match Token::from_bytes(text.into_bytes()) {
                Some(token) => self.prove(terms, &token, proved, Brought::ByAgent).await.map(Some),
                None => Ok(None),
            },
            Ok(TokenFound::Nothing) => Ok(None),
            Ok(TokenFound::Unreadable { why }) => Err(terms.unreadable(source, why)),
            Err(error) => Err(terms.unreadable(source, one_line(&error))),
        }
    }

    async fn ask_provider(&self, terms: &Terms) -> Result<Proven, Unproved> {
        let source = &IdentitySource::ClientCredentials;
        let client = terms.providers.iter().find(|provider| provider.keys.client_id.is_some());
        let provider = client.ok_or_else(|| terms.nothing(IdentityProblem::NotConfigured, Some(source)))?;
        let asked = client::credentials(provider).await;
        let token =
            asked.map_err(|refused| terms.refused(refused, Proved::ClientCredentials, Some(provider)))?;
        self.prove(terms, &token, Proved::ClientCredentials, Brought::ByGateway).await
    }

    async fn prove(
        &self,
        terms: &Terms,
        token: &Token,
        proved: Proved,
        brought: Brought,
    ) -> Result<Proven, Unproved> {
        let provider = terms.issuer_of(token).map_err(|refused| terms.refused(refused, proved, None))?;
        let vouched = provider.vouch(token).await;
        let claims = vouched.map_err(|refused| terms.refused(refused, proved, Some(provider)))?;
        if brought == Brought::ByAgent && !terms.tokens.iter().any(|binding| binding.is_of(&claims)) {
            let problem = IdentityProblem::OtherAgent;
            let why = "its client, subject and actor are none of this agent's".to_owned();
            return Err(terms.refused(Refused { problem, why }, proved, Some(provider)));
        }
        let until = claims.until;
        let left = Duration::from_secs(until.saturating_sub(unix(&*self.clock)));
        Ok(Proven {
            person: Arc::new(provider.person(claims)),
            proved,
            provider: provider.name.clone(),
            until,
            deadline: self.clock.uptime() + left,
            digest: token.digest(),
        })
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.borrow())
    }
}

/// Seconds since 1970, as tokens count.
fn unix(clock: &dyn Clock) -> u64 {
    clock.now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Who got hold of a token: an agent's may be somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brought {
    ByAgent,
    ByGateway,
}

impl Known {
    fn of(config: &Config, before: &Self, clock: &Arc<dyn Clock>) -> Self {
        let mut providers = BTreeMap::new();
        for (name, keys) in &config.identity {
            let kept = before.providers.get(name).filter(|provider| provider.keys == *keys);
            let provider = match kept {
                Some(provider) => Ok(Arc::clone(provider)),
                None => Provider::new(name, keys, Arc::clone(clock)).map(Arc::new),
            };
            match provider {
                Ok(provider) => drop(providers.insert(name.clone(), provider)),
                // Agents that need it find nobody who vouches, and are refused.
                Err(error) => {
                    tracing::error!(
                        provider = name,
                        error = one_line(&error),
                        "an identity provider cannot be used"
                    );
                }
            }
        }
        let terms = |agent: &Agent| Terms {
            sources: agent.identity.clone(),
            tokens: agent.tokens.clone(),
            providers: agent
                .providers
                .iter()
                .filter_map(|name| providers.get(name))
                .map(Arc::clone)
                .collect(),
        };
        let agents = config.agents.iter().map(|(name, agent)| (name.clone(), terms(agent))).collect();
        Self { providers, agents }
    }

    fn terms(&self, agent: &str) -> Result<&Terms, Unproved> {
        self.agents.get(agent).ok_or_else(|| Unproved {
            problem: IdentityProblem::NotConfigured,
            source: None,
            provider: None,
            why: "the agent is not configured any more".to_owned(),
            hint: String::new(),
        })
    }
}

impl Terms {
    /// The provider that a token says it is of. Whether it is, its signature says.
    fn issuer_of(&self, token: &Token) -> Result<&Arc<Provider>, Refused> {
        let longest = self.providers.iter().map(|provider| provider.keys.max_token).max().unwrap_or_default();
        let read = gateway_protocols::jose::token::Unverified::read(token.text(), longest as usize);
        let unverified =
            read.map_err(|error| Refused { problem: problem::of_token(error), why: error.to_string() })?;
        let issuer = unverified.claims.get("iss").and_then(Value::text);
        let provider = self.providers.iter().find(|provider| Some(provider.keys.issuer.as_str()) == issuer);
        provider.ok_or_else(|| Refused {
            problem: IdentityProblem::UnknownIssuer,
            why: "its issuer is none of the agent's providers".to_owned(),
        })
    }

    fn nothing(&self, problem: IdentityProblem, source: Option<&IdentitySource>) -> Unproved {
        let why = match source {
            Some(IdentitySource::TokenInBand) => "the password is no token".to_owned(),
            _ => "no source of the agent has one".to_owned(),
        };
        Unproved { problem, source: source.and_then(proof), provider: None, why, hint: self.hint(source) }
    }

    fn unreadable(&self, source: &IdentitySource, why: String) -> Unproved {
        let (problem, hint) = (IdentityProblem::Unreadable, self.hint(Some(source)));
        Unproved { problem, source: proof(source), provider: None, why, hint }
    }

    fn refused(&self, refused: Refused, proved_by: Proved, provider: Option<&Arc<Provider>>) -> Unproved {
        let Refused { problem, why } = refused;
        let source = self.sources.iter().find(|source| proof(source) == Some(proved_by));
        let provider = provider.map(|provider| provider.name.clone());
        Unproved { problem, source: Some(proved_by), provider, why, hint: self.hint(source) }
    }

    /// What the agent can do. It says where a token belongs and for whom it has to be meant, which is no secret.
    fn hint(&self, source: Option<&IdentitySource>) -> String {
        let from = match self.providers.first() {
            Some(provider) => {
                let audience = provider.keys.audience.first().map_or("", String::as_str);
                format!("a fresh token of {} for the audience \"{audience}\"", provider.keys.issuer)
            }
            None => "a fresh identity token".to_owned(),
        };
        match source {
            Some(IdentitySource::TokenFile(path)) => {
                format!("Put {from} that is this agent's into {} and connect again.", path.display())
            }
            Some(IdentitySource::Environment(name)) => {
                format!("Start the program with {from} that is this agent's in the variable {name}.")
            }
            Some(IdentitySource::TokenInBand) => {
                format!("Send {from} that is this agent's as the password.")
            }
            Some(IdentitySource::ClientCredentials) | Some(IdentitySource::Attested) | None => {
                "Ask the operator of the gateway.".to_owned()
            }
        }
    }
}

impl Binding {
    fn is_of(&self, claims: &Claims) -> bool {
        match self {
            Self::Client(pattern) => claims.client.as_ref().is_some_and(|client| pattern.matches(client)),
            Self::Subject(pattern) => pattern.matches(&claims.subject),
            Self::Actor(pattern) => claims.actor.as_ref().is_some_and(|actor| pattern.matches(actor)),
        }
    }
}

fn proof(source: &IdentitySource) -> Option<Proved> {
    (*source != IdentitySource::Attested).then(|| proved(source))
}

fn proved(source: &IdentitySource) -> Proved {
    match source {
        IdentitySource::TokenFile(_) => Proved::TokenFile,
        IdentitySource::Environment(_) => Proved::Environment,
        IdentitySource::ClientCredentials => Proved::ClientCredentials,
        IdentitySource::TokenInBand | IdentitySource::Attested => Proved::TokenInBand,
    }
}
