//! TLS towards targets: what a target has to show before anything is said to it.
//!
//! Made once for a target, since it reads files and the host's roots. It never reads less than it was told to: a root
//! that cannot be read is an error and not one root fewer.

mod end_point;
#[cfg(test)]
mod tests;
mod verifier;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway_policy::target::{Target, TargetHost};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use crate::config::{Postgres, Tls};
pub use end_point::end_point;
#[cfg(test)]
use verifier::fingerprint;
use verifier::{Addresses, Demand, Verifier};

/// Why a target cannot be approached at all.
#[derive(Debug, Error)]
pub enum TrustError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    #[error("a certificate that this host trusts cannot be read")]
    System(#[source] io::Error),
    #[error("this host trusts no certificate; name the target's CA in `ca`")]
    NoSystem,
    #[error("cannot set TLS up")]
    Setup(#[source] rustls::Error),
    #[error("the private key does not belong to the certificate, or is of an unknown kind")]
    Key(#[source] rustls::Error),
}

/// What is demanded of a target, ready to be used for each connection.
#[derive(Debug, Clone)]
pub struct TargetTls {
    verifier: Arc<Verifier>,
    provider: Arc<CryptoProvider>,
}

/// A certificate with its key, to log in with.
#[derive(Clone)]
pub struct ClientCertificate(Arc<CertifiedKey>);

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

impl TargetTls {
    /// `None` where a target is spoken to without TLS.
    pub fn new(target: &Target, keys: &Postgres) -> Result<Option<Self>, TrustError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let demand = match keys.tls {
            Tls::Disable => return Ok(None),
            Tls::Require => Demand::Nothing,
            Tls::VerifyCa => Demand::Signed(roots(keys.ca.as_deref())?),
            Tls::VerifyFull if !keys.pin.is_empty() => Demand::Pinned(keys.pin.clone()),
            Tls::VerifyFull => {
                let roots = Arc::new(roots(keys.ca.as_deref())?);
                let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
                let webpki = builder
                    .build()
                    .map_err(|error| TrustError::Setup(rustls::Error::General(error.to_string())))?;
                Demand::Named(webpki)
            }
        };
        let verifier = Verifier {
            demand,
            names: names(target, keys),
            addresses: if keys.server_name.is_none() { Addresses::Count } else { Addresses::DoNot },
            algorithms: provider.signature_verification_algorithms,
        };
        Ok(Some(Self { verifier: Arc::new(verifier), provider }))
    }

    /// What a connection to one address of the target is opened with.
    pub fn config(
        &self,
        address: std::net::IpAddr,
        certificate: Option<&ClientCertificate>,
    ) -> Result<(ClientConfig, ServerName<'static>), TrustError> {
        let (verifier, name) = self.verifier.for_address(address);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Setup)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match certificate {
            Some(ClientCertificate(key)) => builder
                .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(Arc::clone(key)))),
            None => builder.with_no_client_auth(),
        };
        // PostgreSQL keeps no sessions, and what a target was allowed once is asked again.
        config.resumption = rustls::client::Resumption::disabled();
        Ok((config, name))
    }

    /// Whether the target has proved to be who it is, once the handshake is done.
    pub fn proves(&self) -> bool {
        match self.verifier.demand {
            Demand::Named(_) | Demand::Pinned(_) => true,
            Demand::Signed(_) | Demand::Nothing => false,
        }
    }
}

impl ClientCertificate {
    /// From PEM.
    pub fn read(path: &Path, key: &[u8]) -> Result<Self, TrustError> {
        let chain = certificates(path)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| TrustError::Key(rustls::Error::General("it is no PEM of a private key".into())))?;
        Self::new(chain, key)
    }

    /// The certificate itself, without those that sign it.
    #[cfg(test)]
    pub fn certificate(&self) -> &[u8] {
        self.0.cert.first().map(|certificate| certificate.as_ref()).unwrap_or_default()
    }

    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TrustError> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(TrustError::Key)?;
        Ok(Self(Arc::new(key)))
    }
}

/// The names of the target that its certificate may be for; one is enough.
fn names(target: &Target, keys: &Postgres) -> Vec<ServerName<'static>> {
    let named = |name: &str| ServerName::try_from(name.to_owned()).ok();
    match &keys.server_name {
        Some(name) => named(name.as_str()).into_iter().collect(),
        None => target
            .hosts
            .iter()
            .filter_map(|host| match host {
                TargetHost::Name(name) => named(name.as_str()),
                // The address itself is added for the connection.
                TargetHost::Address(_) | TargetHost::Network(_) => None,
            })
            .collect(),
    }
}

/// The certificates of a file, or those that this host trusts.
pub fn roots(ca: Option<&Path>) -> Result<RootCertStore, TrustError> {
    let mut store = RootCertStore::empty();
    match ca {
        Some(path) => {
            let refused = |error| TrustError::Read { path: path.to_owned(), source: io::Error::other(error) };
            for certificate in certificates(path)? {
                store.add(certificate).map_err(refused)?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            if let Some(error) = found.errors.into_iter().next() {
                return Err(TrustError::System(io::Error::other(error)));
            }
            // Hosts carry old roots that nobody can read any more; the others count.
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Err(TrustError::NoSystem);
            }
        }
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let read = |source| TrustError::Read { path: path.to_owned(), source };
    let text = std::fs::read(path).map_err(read)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| read(io::Error::other(error)))?;
    if found.is_empty() { Err(TrustError::Empty(path.to_owned())) } else { Ok(found) }
}
