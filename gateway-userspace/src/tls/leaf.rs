//! The certificate that an agent is shown, and what TLS with it is set to.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gateway_policy::target::HostName;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use sha2::{Digest, Sha256};

use super::issuer::{Key, SKEW};
use super::{AuthorityError, Issuer};

/// Nobody keeps these, so they need not last.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Names in one certificate. A target with more of them is told apart by the name that the agent asks for.
const NAMES: usize = 32;
/// How PostgreSQL is called in the handshake (ALPN), by servers and clients from version 17 on.
pub const POSTGRESQL: &[u8] = b"postgresql";

/// Whom an agent means by a destination: its names, as far as they are known, and its address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    pub names: Vec<HostName>,
    pub address: IpAddr,
}

impl Subject {
    /// What a certificate for it says when the agent asks for a name: that name if it is one of its own, else all
    /// that is known.
    pub(super) fn asked_as(&self, name: Option<&str>) -> Self {
        let asked = name.and_then(|name| HostName::parse(name).ok());
        match asked.filter(|name| self.names.contains(name)) {
            Some(name) => Self { names: vec![name], address: self.address },
            None => Self { names: self.names.iter().take(NAMES).cloned().collect(), address: self.address },
        }
    }
}

/// A certificate with its key, ready for handshakes.
pub struct Leaf {
    pub config: Arc<ServerConfig>,
    /// What a login bound to the connection is bound to (RFC 5929, tls-server-end-point). The hash is the one of the
    /// certificate's signature, which is always ECDSA with SHA-256.
    pub end_point: [u8; 32],
    #[cfg(test)]
    pub certificate: CertificateDer<'static>,
    pub(super) made: SystemTime,
    ends: SystemTime,
}

impl Leaf {
    pub(super) fn mint(issuer: &Issuer, subject: &Subject, now: SystemTime) -> Result<Self, AuthorityError> {
        let key = Key::generate()?;
        let ends = issuer.ends.min(now + LIFE);
        let params = params(issuer, subject, now, ends)?;
        let signed = params.signed_by(&key, issuer.signer()).map_err(AuthorityError::Make)?;
        let certificate = signed.der().clone();
        let end_point = Sha256::digest(&certificate).into();
        Ok(Self {
            #[cfg(test)]
            certificate: certificate.clone(),
            config: Arc::new(config(certificate, &key)?),
            end_point,
            made: now,
            ends,
        })
    }

    /// Whether it is young enough to be shown to somebody who may keep the connection open for long.
    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        // Made in the future: the clock was set back.
        now >= self.made && now + LIFE / 2 < self.ends
    }
}

fn params(
    issuer: &Issuer,
    subject: &Subject,
    now: SystemTime,
    ends: SystemTime,
) -> Result<CertificateParams, AuthorityError> {
    let names = subject.names.iter().filter(|name| issuer.permits.name(name.as_str()));
    let mut alternatives = Vec::new();
    for name in names {
        alternatives.push(SanType::DnsName(name.as_str().try_into().map_err(AuthorityError::Make)?));
    }
    alternatives
        .extend(issuer.permits.address(subject.address).then_some(SanType::IpAddress(subject.address)));
    let mut params = CertificateParams::default();
    params.subject_alt_names = alternatives;
    params.not_before = (now - SKEW).into();
    params.not_after = ends.into();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Postern");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn config(certificate: CertificateDer<'static>, key: &Key) -> Result<ServerConfig, AuthorityError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.0.serialized_der()));
    let key = aws_lc_rs::sign::any_ecdsa_type(&key).map_err(AuthorityError::Tls)?;
    let shown = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(AuthorityError::Tls)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![POSTGRESQL.to_vec()];
    // As PostgreSQL does: a session that is resumed shows no certificate, and none is kept for that.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
