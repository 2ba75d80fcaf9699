use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec;

use super::*;
use crate::postgres::scram::{Server, USUAL_ITERATIONS, Verifier};

const SALT: &[u8] = b"0123456789abcdef";

fn wish() -> Wish {
    Wish {
        version: Version::V3_2,
        user: "app".to_owned(),
        database: "orders".to_owned(),
        replication: Replication::None,
        parameters: vec![("application_name".to_owned(), "psql".to_owned())],
    }
}

fn login(cleartext: Cleartext, end_point: Option<&[u8]>) -> Login {
    let channel = Channel { end_point: end_point.map(<[u8]>::to_vec), cleartext };
    Login::new(&wish(), channel, "nonce".to_owned())
}

fn authentication(method: u32, rest: &[u8]) -> Vec<u8> {
    [&method.to_be_bytes(), rest].concat()
}

fn said(step: Result<Step, LoginError>) -> Vec<u8> {
    match step {
        Ok(Step::Say(message)) => message.to_vec(),
        Ok(_) => b"nothing".to_vec(),
        Err(error) => format!("{error:?}").into_bytes(),
    }
}

fn error(step: Result<Step, LoginError>) -> Option<LoginError> {
    step.err()
}

/// From AuthenticationOk to ReadyForQuery, as a server says it.
fn finish(login: &mut Login) -> Result<Step, LoginError> {
    login.hear(b'S', b"server_version\x0016.1\0", None)?;
    login.hear(b'K', b"\0\0\0\x07abcdefgh", None)?;
    login.hear(b'Z', b"I", None)
}

#[test]
fn the_startup_message_says_who_and_where() {
    let mut expected = b"\0\0\0\x3d\0\x03\0\x02".to_vec();
    expected.extend_from_slice(b"user\0app\0database\0orders\0application_name\0psql\0\0");
    expected[3] = expected.len() as u8;
    assert_eq!(wish().message(), expected);
}

#[test]
fn a_server_that_asks_for_nothing_is_entered() {
    let mut login = login(Cleartext::Refused, None);
    assert!(login.hear(b'R', &authentication(0, b""), None).is_ok());
    assert!(matches!(finish(&mut login), Ok(Step::In)));
    assert_eq!(login.settled.parameters, [("server_version".to_owned(), "16.1".to_owned())]);
    assert_eq!(
        login.settled.key.map(|key| (key.process, key.secret().to_vec())),
        Some((7, b"abcdefgh".to_vec()))
    );
}

#[test]
fn a_password_is_sent_as_it_is_only_where_that_is_allowed() {
    let ask = |login: &mut Login, password| login.hear(b'R', &authentication(3, b""), password);
    assert_eq!(said(ask(&mut login(Cleartext::Allowed, None), Some(b"pw"))), b"p\0\0\0\x07pw\0");
    let refused = ask(&mut login(Cleartext::Refused, None), Some(b"pw"));
    assert_eq!(error(refused), Some(LoginError::CleartextRefused));
    assert_eq!(error(ask(&mut login(Cleartext::Allowed, None), None)), Some(LoginError::NoPassword));
}

#[test]
fn md5_is_what_postgresql_computes() {
    // As libpq sends it for user `app`, password `pw` and this salt.
    let step = login(Cleartext::Refused, None).hear(b'R', &authentication(5, b"salt"), Some(b"pw"));
    let inner = Md5Hex::of(b"pwapp");
    let outer = Md5Hex::of(&[inner.0.as_bytes(), b"salt"].concat());
    assert_eq!(said(step), format!("p\0\0\0\x28md5{}\0", outer.0).into_bytes());
    let short = login(Cleartext::Refused, None).hear(b'R', &authentication(5, b"sal"), Some(b"pw"));
    assert_eq!(error(short), Some(LoginError::Malformed(Malformed::Length)));
}

struct Md5Hex(String);

impl Md5Hex {
    fn of(bytes: &[u8]) -> Self {
        use md5::Digest as _;
        Self(md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Logs in by SCRAM against the server's side of this crate.
fn by_scram(
    password: &[u8],
    end_point: Option<&[u8]>,
    server_end_point: Option<&[u8]>,
) -> Result<String, LoginError> {
    let keys = Keys::derive(b"pw", SALT, USUAL_ITERATIONS)?;
    let verifier = Verifier::new(&keys, SALT, USUAL_ITERATIONS);
    let server = Server::new(&verifier, server_end_point);
    let offer: String = server.offers().iter().map(|offer| format!("{}\0", offer.name())).collect();
    let mut login = login(Cleartext::Refused, end_point);
    let first = said(login.hear(b'R', &authentication(10, format!("{offer}\0").as_bytes()), None));
    let mut parts = first[5..].splitn(2, |byte| *byte == 0);
    let mechanism = Mechanism::named(parts.next().unwrap()).unwrap();
    let (challenge, awaiting) = server.first(mechanism, &parts.next().unwrap()[4..], "theirs")?;
    let Step::Prove { salt, iterations } = login.hear(b'R', &authentication(11, &challenge), None)? else {
        return Err(LoginError::Unexpected);
    };
    let proof = said(login.prove(&Keys::derive(password, &salt, iterations)?));
    let last = awaiting.last(&proof[5..])?;
    login.hear(b'R', &authentication(12, &last), None)?;
    login.hear(b'R', &authentication(0, b""), None)?;
    assert!(matches!(finish(&mut login), Ok(Step::In)));
    Ok(mechanism.name().to_owned())
}

#[test]
fn scram_is_bound_to_the_channel_where_there_is_one() {
    assert_eq!(by_scram(b"pw", None, None).as_deref(), Ok("SCRAM-SHA-256"));
    assert_eq!(by_scram(b"pw", Some(b"hash"), Some(b"hash")).as_deref(), Ok("SCRAM-SHA-256-PLUS"));
    assert_eq!(by_scram(b"no", None, None), Err(LoginError::Scram(ScramError::WrongProof)));
}

#[test]
fn a_server_that_skips_its_own_proof_is_left() {
    let mut login = login(Cleartext::Allowed, None);
    login.hear(b'R', &authentication(10, b"SCRAM-SHA-256\0\0"), None).ok();
    login.hear(b'R', &authentication(11, b"r=noncex,s=AAAA,i=4096"), None).ok();
    login.prove(&Keys::without_password([1; 32], [2; 32])).ok();
    assert_eq!(error(login.hear(b'R', &authentication(0, b""), None)), Some(LoginError::Unexpected));
    assert_eq!(error(login.hear(b'Z', b"I", None)), Some(LoginError::Unexpected));
}

#[test]
fn a_server_cannot_change_its_mind_and_ask_for_the_password() {
    let mut login = login(Cleartext::Allowed, None);
    login.hear(b'R', &authentication(10, b"SCRAM-SHA-256\0\0"), None).ok();
    assert_eq!(error(login.hear(b'R', &authentication(3, b""), Some(b"pw"))), Some(LoginError::Unexpected));
}

#[test]
fn what_the_server_says_no_with_is_kept() {
    let body = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"app\"\0\0";
    let step = login(Cleartext::Refused, None).hear(b'E', body, None);
    let message = "password authentication failed for user \"app\"".to_owned();
    assert_eq!(error(step), Some(LoginError::Refused { code: "28P01".to_owned(), message }));
}

#[test]
fn an_older_version_is_agreed_on_and_a_newer_one_is_not() {
    let negotiate = |told: &[u8]| {
        let mut login = login(Cleartext::Refused, None);
        let step = login.hear(b'v', told, None).map(drop);
        step.map(|()| login.settled.version)
    };
    assert_eq!(negotiate(b"\0\0\0\0\0\0\0\0"), Ok(Version::V3_0));
    assert_eq!(negotiate(b"\0\x03\0\0\0\0\0\0"), Ok(Version::V3_0));
    assert_eq!(negotiate(b"\0\x03\0\x09\0\0\0\0"), Err(LoginError::Unexpected));
    assert_eq!(negotiate(b"\0\x02\0\0\0\0\0\0"), Err(LoginError::Version(Version { major: 2, minor: 0 })));
}

#[test]
fn what_has_no_place_in_a_login_ends_it() {
    let hear = |kind, body: &[u8]| error(login(Cleartext::Allowed, None).hear(kind, body, Some(b"pw")));
    for (kind, body) in [(b'D', &b""[..]), (b'Z', b"I"), (b'S', b"a\0b\0"), (b'K', b"\0\0\0\0abcd")] {
        assert_eq!(hear(kind, body), Some(LoginError::Unexpected), "{}", kind as char);
    }
    assert_eq!(hear(b'R', &authentication(7, b"")), Some(LoginError::Unsupported("GSSAPI or SSPI")));
    assert_eq!(hear(b'R', &authentication(10, b"OTHER\0\0")), Some(LoginError::NoMechanism));
    assert_eq!(hear(b'R', b"\0"), Some(LoginError::Malformed(Malformed::Short)));
    assert_eq!(hear(b'K', b"\0\0\0\0abc"), Some(LoginError::Malformed(Malformed::Length)));
}
