//! Is this the target? Asked by rustls in the middle of a handshake.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};

use crate::config::Pin;

/// What a certificate must be.
#[derive(Debug, Clone)]
pub(super) enum Demand {
    /// Signed by a root, in date, for a name of the target.
    Named(Arc<WebPkiServerVerifier>),
    /// One of these, whatever else it says.
    Pinned(Vec<Pin>),
    /// Signed by a root and in date, whoever it is for.
    Signed(RootCertStore),
    /// Any.
    Nothing,
}

/// Whether a certificate may be for the address that was connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Addresses {
    Count,
    DoNot,
}

#[derive(Debug, Clone)]
pub(super) struct Verifier {
    pub(super) demand: Demand,
    pub(super) names: Vec<ServerName<'static>>,
    pub(super) addresses: Addresses,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// Why a certificate is not the target's, where rustls has no word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// Its SHA-256 is this, which is not pinned.
    NotPinned([u8; 32]),
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPinned(hash) => {
                write!(f, "it shows a certificate that is not pinned, {}", fingerprint(hash))
            }
        }
    }
}

impl std::error::Error for Distrust {}

/// A hash as `pin` takes it.
pub fn fingerprint(hash: &[u8; 32]) -> String {
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

impl Verifier {
    /// The verifier for one connection, and the name that the server hears. A target without names is known by its
    /// address.
    pub(super) fn for_address(&self, address: IpAddr) -> (Self, ServerName<'static>) {
        let mut verifier = self.clone();
        let address = ServerName::IpAddress(address.into());
        let heard = verifier.names.first().unwrap_or(&address).clone();
        if verifier.addresses == Addresses::Count {
            verifier.names.push(address);
        }
        (verifier, heard)
    }

    fn named(
        &self,
        webpki: &WebPkiServerVerifier,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut verdict = Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForName));
        // The first name is the one that an operator looks for, so its complaint is kept.
        for name in self.names.iter().rev() {
            verdict = webpki.verify_server_cert(certificate, chain, name, &[], now);
            if !is_of_another_name(&verdict) {
                break;
            }
        }
        verdict
    }
}

fn is_of_another_name<T>(verdict: &Result<T, rustls::Error>) -> bool {
    matches!(
        verdict,
        Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        ))
    )
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        _heard: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.demand {
            Demand::Named(webpki) => self.named(webpki, certificate, chain, now),
            Demand::Pinned(pins) => {
                let hash: [u8; 32] = Sha256::digest(certificate).into();
                if pins.contains(&Pin(hash)) {
                    return Ok(ServerCertVerified::assertion());
                }
                let distrust = OtherError(Arc::new(Distrust::NotPinned(hash)));
                Err(rustls::Error::InvalidCertificate(CertificateError::Other(distrust)))
            }
            Demand::Signed(roots) => {
                let parsed = ParsedCertificate::try_from(certificate)?;
                let algorithms = self.algorithms.all;
                verify_server_cert_signed_by_trust_anchor(&parsed, roots, chain, now, algorithms)?;
                Ok(ServerCertVerified::assertion())
            }
            Demand::Nothing => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
