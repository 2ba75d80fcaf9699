//! One certificate authority: its certificate, what it may vouch for, and the key that it signs with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::unistd::geteuid;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PublicKeyData, SignatureAlgorithm, SigningKey,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{AuthorityError, Permits};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// It is installed by hand, so it lasts as long as a host does.
const LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// An authority that ends sooner gets a successor.
const LEAST_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Whoever starts before clocks agree.
pub(super) const SKEW: Duration = DAY;

pub struct Issuer {
    pub certificate: CertificateDer<'static>,
    pub permits: Permits,
    pub ends: SystemTime,
    signer: rcgen::Issuer<'static, Key>,
}

impl Issuer {
    /// Makes a new one and keeps it in the folder as `NUMBER.key` and `NUMBER.pem`.
    pub(super) fn make(
        folder: &Path,
        number: u32,
        permits: &Permits,
        now: SystemTime,
    ) -> Result<Self, AuthorityError> {
        let made = CertifiedIssuer::self_signed(params(number, permits, now), Key::generate()?)
            .map_err(AuthorityError::Make)?;
        let write = |name: String, mode, text: &[u8]| {
            let path = folder.join(name);
            write_new(&path, mode, text).map_err(|source| AuthorityError::Write { path, source })
        };
        // In this order: a certificate without a key would be an authority that cannot sign.
        let key = Zeroizing::new(made.key().0.serialize_pem());
        write(format!("{number}.key"), 0o600, key.as_bytes())?;
        write(format!("{number}.pem"), 0o644, made.pem().as_bytes())?;
        Self::load(folder, number)
    }

    pub(super) fn load(folder: &Path, number: u32) -> Result<Self, AuthorityError> {
        let path = folder.join(format!("{number}.pem"));
        let certificate = CertificateDer::from_pem_file(&path)
            .map_err(|source| AuthorityError::Certificate { path: path.clone(), source })?;
        let key = Key::read(&folder.join(format!("{number}.key")))?;
        let signer = rcgen::Issuer::from_ca_cert_der(&certificate, key).map_err(AuthorityError::Make)?;
        let (permits, ends) = facts(&certificate).ok_or(AuthorityError::Strange { path })?;
        Ok(Self { certificate, permits, ends, signer })
    }

    /// Whether it can still be relied on for a while.
    pub(super) fn lasts(&self, now: SystemTime) -> bool {
        self.ends > now + LEAST_LIFE
    }

    pub(super) fn signer(&self) -> &rcgen::Issuer<'static, impl SigningKey> {
        &self.signer
    }
}

/// What an authority may vouch for, and when it ends. `None` for one that is not bounded to what it is for.
pub fn facts(certificate: &CertificateDer<'_>) -> Option<(Permits, SystemTime)> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).ok().filter(|(_, read)| read.is_ca())?;
    let ends = u64::try_from(read.validity().not_after.timestamp()).ok()?;
    Some((Permits::read(&read)?, UNIX_EPOCH + Duration::from_secs(ends)))
}

fn params(number: u32, permits: &Permits, now: SystemTime) -> CertificateParams {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    // X.520 bounds a common name to 64 characters.
    let host: String = host.chars().take(40).collect();
    let mut params = CertificateParams::default();
    params.not_before = (now - SKEW).into();
    params.not_after = (now + LIFE).into();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("Postern {number} on {host}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(permits.constraints());
    params
}

/// A file that did not exist before, on the disk before this returns.
pub(super) fn write_new(path: &Path, mode: u32, text: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// An ECDSA key on P-256, which is gone from memory when it is dropped.
pub(super) struct Key(pub KeyPair);

impl Key {
    pub fn generate() -> Result<Self, AuthorityError> {
        KeyPair::generate().map(Self).map_err(AuthorityError::Make)
    }

    /// Reads a key that nobody else can have read.
    pub fn read(path: &Path) -> Result<Self, AuthorityError> {
        let failed = |source| AuthorityError::Key { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.mode() & 0o077 != 0 || metadata.uid() != geteuid().as_raw() {
            return Err(AuthorityError::Exposed { path: path.to_owned() });
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        KeyPair::from_pem(&text).map(Self).map_err(AuthorityError::Make)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        PublicKeyData::algorithm(&self.0)
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}

/// SHA-256 of a certificate, by which people compare two of them.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate);
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
