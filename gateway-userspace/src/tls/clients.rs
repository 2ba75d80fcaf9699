//! The authority whose certificates the gateway shows to targets: one for each session, gone before anybody could use
//! it again.
//!
//! It is another one than agents believe, and can vouch for clients only, so that neither can stand in for the other.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::AuthorityError;
use super::issuer::{Key, SKEW, write_new};
use super::target::ClientCertificate;

/// It is installed at servers by hand.
const LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// A certificate is read once, when the session begins.
const LEAF_LIFE: Duration = Duration::from_secs(10 * 60);
/// X.520 bounds a common name to so many characters.
const LONGEST: usize = 64;

pub struct Clients {
    signer: rcgen::Issuer<'static, Key>,
    certificate: CertificateDer<'static>,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

impl Clients {
    /// Makes the authority if there is none, and tells the file with its certificate, which servers have to trust.
    pub fn prepare(folder: &Path) -> Result<PathBuf, AuthorityError> {
        let path = folder.join("clients.pem");
        if !path.exists() {
            make(folder, &path)?;
        }
        Ok(path)
    }

    /// Opens the authority in the folder, and makes it if there is none.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let path = Self::prepare(folder)?;
        let certificate = CertificateDer::from_pem_file(&path)
            .map_err(|source| AuthorityError::Certificate { path: path.clone(), source })?;
        let key = Key::read(&folder.join("clients.key"))?;
        let signer = rcgen::Issuer::from_ca_cert_der(&certificate, key).map_err(AuthorityError::Make)?;
        Ok(Self { signer, certificate })
    }

    /// A certificate for one session of a user: `USER:SESSION`.
    pub fn issue(&self, user: &str, session: &str) -> Result<ClientCertificate, AuthorityError> {
        let now = SystemTime::now();
        let mut params = CertificateParams::default();
        params.not_before = (now - SKEW).into();
        params.not_after = (now + LEAF_LIFE).into();
        params.distinguished_name = named(&common_name(user, session));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = Key::generate()?;
        let certificate = params.signed_by(&key, &self.signer).map_err(AuthorityError::Make)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.0.serialize_der()));
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        ClientCertificate::new(chain, private).map_err(|_| AuthorityError::None)
    }
}

fn make(folder: &Path, path: &Path) -> Result<(), AuthorityError> {
    let failed = |source: io::Error| AuthorityError::Write { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    // One without a certificate was never shown to anybody.
    let key_path = folder.join("clients.key");
    if key_path.exists() {
        fs::remove_file(&key_path).map_err(failed)?;
    }
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.not_before = (now - SKEW).into();
    params.not_after = (now + LIFE).into();
    params.distinguished_name = named("Postern, logins of sessions");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let made = CertifiedIssuer::self_signed(params, Key::generate()?).map_err(AuthorityError::Make)?;
    let key = Zeroizing::new(made.key().0.serialize_pem());
    write_new(&key_path, 0o600, key.as_bytes()).map_err(failed)?;
    write_new(path, 0o644, made.pem().as_bytes()).map_err(failed)
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// The user is whole, since servers tell by it who may log in as whom.
fn common_name(user: &str, session: &str) -> String {
    let room = LONGEST.saturating_sub(user.chars().count() + 1);
    format!("{user}:{}", session.chars().take(room).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_stays_the_same_and_its_key_is_nobody_elses() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Clients::open(folder.path()).expect("an authority");
        let again = Clients::open(folder.path()).expect("an authority");
        assert_eq!(first.certificate, again.certificate);
        use std::os::unix::fs::PermissionsExt as _;
        let key = folder.path().join("clients.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("a mode");
        assert!(matches!(Clients::open(folder.path()), Err(AuthorityError::Exposed { .. })));
    }

    #[test]
    fn a_certificate_names_user_and_session_and_is_good_for_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let clients = Clients::open(folder.path()).expect("an authority");
        let leaf = clients.issue("app", "s-1").expect("a certificate").certificate().to_vec();
        let (_, read) = x509_parser::parse_x509_certificate(&leaf).expect("a certificate");
        assert_eq!(read.subject().to_string(), "CN=app:s-1");
        let usage = read.extended_key_usage().ok().flatten().expect("a usage").value;
        assert!(usage.client_auth && !usage.server_auth && !usage.any);
        assert!(
            read.validity().not_after.timestamp() < read.validity().not_before.timestamp() + 2 * 24 * 3600
        );
        assert_eq!(common_name(&"u".repeat(60), "session").chars().count(), LONGEST);
    }
}
