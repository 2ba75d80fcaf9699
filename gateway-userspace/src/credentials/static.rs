//! One login that exists already, and whose secret the gateway knows.

use std::path::PathBuf;

use super::proof::KnownKeys;
use super::{Credential, CredentialSource, IssueError, Need, Password, Proof, Work, secret};
use crate::config::{Postgres, SecretReference};
use crate::tls::target::ClientCertificate;

/// Reads its secret anew for each session, so that a changed one holds from the next session on.
#[derive(Debug)]
pub struct StaticSource {
    user: String,
    password: Option<SecretReference>,
    certificate: Option<(PathBuf, SecretReference)>,
    known: KnownKeys,
}

impl StaticSource {
    pub fn new(keys: &Postgres) -> Self {
        Self {
            user: keys.user.clone(),
            password: keys.password.clone(),
            certificate: keys.certificate.clone().zip(keys.private_key.clone()),
            known: KnownKeys::default(),
        }
    }

    /// The login, for whatever it is needed.
    pub async fn login(&self) -> Result<Credential, IssueError> {
        let mut proof = Proof::default();
        if let Some(reference) = &self.password {
            proof.password = Some(Password::new(secret::read(reference).await?, self.known.clone()));
        }
        if let Some((chain, key)) = &self.certificate {
            proof.certificate = Some(ClientCertificate::read(chain, &secret::read(key).await?)?);
        }
        Ok(Credential::standing(self.user.clone(), proof))
    }
}

impl CredentialSource for StaticSource {
    fn issue<'a>(&'a self, _need: Need<'a>) -> Work<'a, Result<Credential, IssueError>> {
        Box::pin(self.login())
    }
}
