use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use gateway_policy::target::{HostName, TargetHost};
use rcgen::{CertificateParams, SanType};
use tempfile::TempDir;

use super::super::issuer::Key;
use super::super::trust::{Trust, to_pem};
use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn permits(hosts: &[&str]) -> Permits {
    let hosts: Vec<TargetHost> = hosts.iter().map(|host| TargetHost::parse(host).expect(host)).collect();
    hosts.iter().collect()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn open(folder: &TempDir, hosts: &[&str]) -> Authority {
    Authority::open(folder.path(), &permits(hosts)).expect("an authority")
}

fn subject(names: &[&str]) -> Subject {
    Subject { names: names.iter().map(|name| HostName::parse(name).expect(name)).collect(), address: HERE }
}

/// What OpenSSL says of a certificate, as it is for this name or address.
fn believed(authority: &Authority, certificate: &CertificateDer<'_>, check: [&str; 2]) -> bool {
    let folder = folder();
    let (trust, file) = (Trust::below(folder.path()), folder.path().join("leaf.pem"));
    trust.publish(&authority.certificates()).expect("published");
    fs::write(&file, to_pem(certificate)).expect("written");
    let said = Command::new("openssl")
        .args(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"])
        .arg(&trust.own)
        .args(check)
        .arg(&file)
        .output()
        .expect("openssl");
    said.status.success()
}

fn is_for(authority: &Authority, leaf: &Leaf, name: &str) -> bool {
    believed(authority, &leaf.certificate, ["-verify_hostname", name])
}

#[test]
fn an_agent_gets_a_certificate_for_the_name_that_it_asks_for() {
    let folder = folder();
    let authority = open(&folder, &["db.example.com", "other.example.com"]);
    let both = subject(&["db.example.com", "other.example.com"]);
    let asked = authority.leaf(&both, Some("DB.example.com")).expect("a leaf");
    assert!(is_for(&authority, &asked, "db.example.com"));
    assert!(!is_for(&authority, &asked, "other.example.com"));
    for name in [None, Some("elsewhere.example.com"), Some("not a name")] {
        let leaf = authority.leaf(&both, name).expect("a leaf");
        assert!(
            is_for(&authority, &leaf, "db.example.com") && is_for(&authority, &leaf, "other.example.com")
        );
        assert!(!is_for(&authority, &leaf, "elsewhere.example.com"));
    }
}

#[test]
fn a_target_that_is_an_address_has_a_certificate_for_it() {
    let folder = folder();
    let authority = open(&folder, &["127.0.0.0/8"]);
    let leaf = authority.leaf(&subject(&[]), None).expect("a leaf");
    assert!(believed(&authority, &leaf.certificate, ["-verify_ip", "127.0.0.1"]));
    assert!(!believed(&authority, &leaf.certificate, ["-verify_ip", "127.0.0.2"]));
}

#[test]
fn a_stolen_key_vouches_for_nothing_that_is_no_target() {
    let folder = folder();
    let authority = open(&folder, &["db.example.com"]);
    let issuers = authority.issuers();
    let rogue = |name: SanType, check: [&str; 2]| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![name];
        params.use_authority_key_identifier_extension = true;
        let key = Key::generate().expect("a key");
        let signed = params.signed_by(&key, issuers[0].signer()).expect("signed");
        believed(&authority, signed.der(), check)
    };
    let dns = |name: &str| SanType::DnsName(name.try_into().expect("a name"));
    assert!(rogue(dns("db.example.com"), ["-verify_hostname", "db.example.com"]));
    assert!(!rogue(dns("deb.debian.org"), ["-verify_hostname", "deb.debian.org"]));
    assert!(!rogue(SanType::IpAddress(HERE), ["-verify_ip", "127.0.0.1"]));
}

#[test]
fn a_restart_goes_on_with_what_agents_believe() {
    let folder = folder();
    let before = open(&folder, &["db.example.com"]).certificates();
    let authority = open(&folder, &["db.example.com"]);
    assert_eq!(authority.certificates(), before);
    let leaf = authority.leaf(&subject(&["db.example.com"]), None).expect("a leaf");
    assert!(is_for(&authority, &leaf, "db.example.com"));
}

#[test]
fn new_targets_get_a_second_authority_and_old_ones_stay_with_the_first() {
    let folder = folder();
    let authority = open(&folder, &["db.example.com"]);
    authority.cover(&permits(&["db.example.com", "new.example.com"])).expect("another");
    assert_eq!(authority.certificates().len(), 2);
    let first = authority.issuer_for(&subject(&["db.example.com"]), SystemTime::now()).expect("one");
    let second = authority.issuer_for(&subject(&["new.example.com"]), SystemTime::now()).expect("one");
    assert_eq!(
        [&first.certificate, &second.certificate],
        [&authority.certificates()[0], &authority.certificates()[1]]
    );
    let leaf = authority.leaf(&subject(&["new.example.com"]), None).expect("a leaf");
    assert!(is_for(&authority, &leaf, "new.example.com"));
    authority.cover(&permits(&["new.example.com"])).expect("none needed");
    assert_eq!(authority.certificates().len(), 2);
}

#[test]
fn without_targets_that_need_one_there_is_no_authority() {
    let folder = folder();
    let authority = open(&folder, &[]);
    assert!(authority.certificates().is_empty());
    assert!(matches!(authority.leaf(&subject(&[]), None), Err(AuthorityError::None)));
}

#[test]
fn the_key_is_the_owners_alone_and_one_that_was_not_is_not_used() {
    let folder = folder();
    drop(open(&folder, &["db.example.com"]));
    let key = folder.path().join("1.key");
    assert_eq!(fs::metadata(&key).expect("a key").permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("a mode");
    let opened = Authority::open(folder.path(), &permits(&["db.example.com"]));
    assert!(matches!(opened, Err(AuthorityError::Exposed { .. })));
}

#[test]
fn half_an_authority_left_by_a_crash_is_passed_over() {
    let folder = folder();
    fs::write(folder.path().join("1.key"), "half").expect("written");
    let authority = open(&folder, &["db.example.com"]);
    assert_eq!(authority.certificates().len(), 1);
    assert!(folder.path().join("2.pem").exists());
}

#[test]
fn a_certificate_is_kept_until_half_of_its_life_is_over() {
    let folder = folder();
    let authority = open(&folder, &["db.example.com"]);
    let (subject, now) = (subject(&["db.example.com"]), SystemTime::now());
    let at =
        |days: u64| authority.leaf_at(now + Duration::from_secs(days * 24 * 3600), &subject, None).unwrap();
    let first = at(0);
    assert!(Arc::ptr_eq(&first, &at(3)));
    assert!(!Arc::ptr_eq(&first, &at(4)));
}

#[test]
fn no_more_certificates_are_kept_than_there_is_room_for() {
    let folder = folder();
    let authority = open(&folder, &["10.0.0.0/8"]);
    for last in 0..LEAVES + 10 {
        let address = IpAddr::from([10, 0, (last >> 8) as u8, last as u8]);
        authority.leaf(&Subject { names: Vec::new(), address }, None).expect("a leaf");
    }
    assert_eq!(authority.leaves().len(), LEAVES);
}
