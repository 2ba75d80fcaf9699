use std::net::{IpAddr, Ipv4Addr};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, date_time_ymd,
};
use rustls::CertificateError;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest as _, Sha256, Sha384};

use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA"))
    }

    fn file(&self) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), self.0.pem()).expect("a certificate");
        file
    }

    fn leaf(&self, names: &[&str], last_year: i32) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        params.signed_by(&key, &self.0).expect("a certificate").der().clone()
    }
}

/// A target at `db.example` with these keys of `[targets.db.postgres]`.
fn tls(keys: &str) -> TargetTls {
    let config = crate::config::fixture(&format!(
        "[targets.db]\nprotocol = \"postgres\"\nhosts = [\"db.example\", \"db2.example\"]\nports = 5432\n\
         [targets.db.postgres]\nuser = \"a\"\npassword = \"env:A\"\n{keys}\n"
    ));
    TargetTls::new(&config.targets["db"], &config.postgres["db"]).expect("trust").expect("TLS")
}

/// What is thought of a certificate that a server at 127.0.0.1 shows.
fn judged(tls: &TargetTls, certificate: &CertificateDer<'_>) -> Result<(), String> {
    let (verifier, heard) = tls.verifier.for_address(HERE);
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
    verifier.verify_server_cert(certificate, &[], &heard, &[], now).map(drop).map_err(|error| match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => other.0.to_string(),
        other => other.to_string(),
    })
}

#[test]
fn a_certificate_is_for_one_of_the_targets_names_or_for_its_address() {
    let ca = Ca::new();
    let file = ca.file();
    let tls = tls(&format!("ca = {:?}", file.path()));
    for name in ["db.example", "db2.example", "127.0.0.1"] {
        assert_eq!(judged(&tls, &ca.leaf(&[name], 2030)), Ok(()), "{name}");
    }
    for name in ["other.example", "127.0.0.2"] {
        assert!(judged(&tls, &ca.leaf(&[name], 2030)).is_err(), "{name}");
    }
    assert!(judged(&tls, &ca.leaf(&["db.example"], 2021)).is_err());
    assert!(judged(&tls, &Ca::new().leaf(&["db.example"], 2030)).is_err());
}

#[test]
fn a_name_that_is_configured_counts_instead_of_the_hosts() {
    let ca = Ca::new();
    let file = ca.file();
    let tls = tls(&format!("ca = {:?}\nserver_name = \"real.example\"", file.path()));
    assert_eq!(judged(&tls, &ca.leaf(&["real.example"], 2030)), Ok(()));
    assert!(judged(&tls, &ca.leaf(&["db.example"], 2030)).is_err());
    assert!(judged(&tls, &ca.leaf(&["127.0.0.1"], 2030)).is_err());
}

#[test]
fn a_pinned_certificate_is_trusted_whoever_signed_it_and_no_other() {
    let ca = Ca::new();
    // As `openssl req -x509` makes them: self-signed, and a CA.
    let own: &CertificateDer<'_> = ca.0.der();
    let pinned = fingerprint(&Sha256::digest(own).into());
    assert_eq!(judged(&tls(&format!("pin = {pinned:?}")), own), Ok(()));
    let refused = judged(&tls(&format!("pin = {pinned:?}")), &ca.leaf(&["db.example"], 2030));
    assert!(refused.is_err_and(|error| error.contains("is not pinned, sha256:")));
    let file = ca.file();
    assert!(judged(&tls(&format!("ca = {:?}", file.path())), own).is_err());
}

#[test]
fn less_is_demanded_only_where_that_is_said() {
    let ca = Ca::new();
    let file = ca.file();
    let signed = tls(&format!("ca = {:?}\ndanger_tls = \"verify-ca\"", file.path()));
    assert_eq!(judged(&signed, &ca.leaf(&["other.example"], 2030)), Ok(()));
    assert!(judged(&signed, &ca.leaf(&["db.example"], 2021)).is_err());
    assert!(judged(&signed, &Ca::new().leaf(&["db.example"], 2030)).is_err());
    let any = tls("danger_tls = \"require\"");
    assert_eq!(judged(&any, &Ca::new().leaf(&["other.example"], 2021)), Ok(()));
    assert!(!any.proves() && !signed.proves() && tls(&format!("ca = {:?}", file.path())).proves());
}

#[test]
fn a_file_without_certificates_is_an_error() {
    let empty = tempfile::NamedTempFile::new().expect("a file");
    assert!(matches!(roots(Some(empty.path())), Err(TrustError::Empty(_))));
    assert!(matches!(roots(Some(Path::new("/nowhere"))), Err(TrustError::Read { .. })));
}

#[test]
fn what_scram_binds_to_is_hashed_as_the_certificate_is_signed() {
    let certificate = Ca::new().leaf(&["db.example"], 2030);
    assert_eq!(end_point(&certificate), Some(Sha256::digest(&certificate).to_vec()));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
    let long = CertificateParams::default().self_signed(&key).expect("a certificate");
    assert_eq!(end_point(long.der()), Some(Sha384::digest(long.der()).to_vec()));
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let without = CertificateParams::default().self_signed(&key).expect("a certificate");
    assert_eq!(end_point(without.der()), None);
    assert_eq!(end_point(b"nothing"), None);
}
