//! What the gateway needs to receive agents that speak PostgreSQL, whatever their target.

use std::sync::Arc;

use super::cancel::Cancels;
use crate::config::Config;
use crate::report::one_line;
use crate::tls::trust::Trust;
use crate::tls::{Authority, AuthorityError};

#[derive(Debug)]
pub struct Reception {
    pub authority: Authority,
    pub cancels: Arc<Cancels>,
    trust: Trust,
}

impl Reception {
    pub fn open(config: &Config) -> Result<Self, AuthorityError> {
        let reception = Self {
            authority: Authority::open(&config.serve.authority, &config.certified_hosts().collect())?,
            cancels: Arc::default(),
            trust: Trust::below(&config.serve.trust),
        };
        reception.publish();
        Ok(reception)
    }

    /// From now on another configuration holds.
    pub fn replace(&self, config: &Config) {
        match self.authority.cover(&config.certified_hosts().collect()) {
            Ok(()) => self.publish(),
            Err(error) => {
                tracing::error!(
                    error = one_line(&error),
                    "there is no certificate authority for new targets"
                );
            }
        }
    }

    /// Agents that check no certificates do without, so a failure does not stop the gateway.
    fn publish(&self) {
        let certificates = self.authority.certificates();
        if certificates.is_empty() {
            return;
        }
        if let Err(error) = self.trust.publish(&certificates) {
            let folder = self.trust.own.display();
            tracing::error!(%error, %folder, "what agents have to believe could not be written");
        }
    }
}
