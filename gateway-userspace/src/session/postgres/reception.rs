//! What the gateway needs to receive agents that speak PostgreSQL, whatever their target.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpStream;

use super::cancel::Cancels;
use super::greeting::{Arrival, Asked, Door, GreetError, Login, greet};
use super::placeholders::{PlaceholderError, Placeholders};
use crate::config::Config;
use crate::report::one_line;
use crate::tls::trust::Trust;
use crate::tls::{Authority, AuthorityError, Subject};

#[derive(Debug)]
pub struct Reception {
    pub cancels: Arc<Cancels>,
    config: RwLock<Arc<Config>>,
    authority: Authority,
    placeholders: Placeholders,
    trust: Trust,
}

#[derive(Debug, thiserror::Error)]
pub enum ReceptionError {
    #[error("cannot open the gateway's certificate authority")]
    Authority(#[from] AuthorityError),
    #[error("cannot prepare the logins of agents")]
    Placeholders(#[from] PlaceholderError),
}

impl Reception {
    pub fn open(config: Arc<Config>) -> Result<Self, ReceptionError> {
        let reception = Self {
            cancels: Arc::default(),
            authority: Authority::open(&config.serve.authority, &config.certified_hosts().collect())?,
            placeholders: Placeholders::new()?,
            trust: Trust::below(&config.serve.trust),
            config: RwLock::new(config),
        };
        reception.publish();
        Ok(reception)
    }

    /// From now on another configuration holds.
    pub fn replace(&self, config: Arc<Config>) {
        match self.authority.cover(&config.certified_hosts().collect()) {
            Ok(()) => self.publish(),
            Err(error) => {
                tracing::error!(
                    error = one_line(&error),
                    "there is no certificate authority for new targets"
                );
            }
        }
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Receives an agent that takes the gateway for `subject`. Whoever is turned away has been told why.
    pub async fn receive(
        &self,
        stream: TcpStream,
        agent: &str,
        subject: &Subject,
        asked: Asked,
    ) -> Result<Arrival, GreetError> {
        let config = self.config();
        let placeholder = config.agents.get(agent).and_then(|agent| agent.placeholder.as_ref());
        let login = match (asked, placeholder) {
            (Asked::ForToken, _) => Login::Token,
            (Asked::AsConfigured, Some(place)) => Login::Placeholder(&self.placeholders, place),
            (Asked::AsConfigured, None) | (Asked::ForNothing, _) => Login::Attested,
        };
        let limit = config.serve.login_timeout;
        greet(stream, &Door { authority: &self.authority, subject, login, limit }).await
    }

    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Agents that check no certificates do without, so a failure does not stop the gateway.
    fn publish(&self) {
        let certificates = self.authority.certificates();
        if certificates.is_empty() {
            return;
        }
        if let Err(error) = self.trust.publish(&certificates) {
            let file = self.trust.own.display();
            tracing::error!(%error, %file, "what agents have to believe could not be written");
        }
    }
}
