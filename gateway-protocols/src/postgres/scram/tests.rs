use alloc::string::ToString;

use super::*;

/// RFC 7677, section 3. Its client names the user, which ours leaves out, so the exchange itself is played by the
/// server's side only.
const PASSWORD: &[u8] = b"pencil";
const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SIGNATURE: &str = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn salt() -> Vec<u8> {
    STANDARD.decode(SALT).unwrap()
}

fn keys() -> Keys {
    Keys::derive(PASSWORD, &salt(), USUAL_ITERATIONS).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(&keys(), &salt(), USUAL_ITERATIONS)
}

/// Plays an exchange of both sides to its end.
fn exchange(keys: &Keys, ours: Option<&[u8]>, theirs: Option<&[u8]>) -> Result<Mechanism, ScramError> {
    let verifier = verifier();
    let server = Server::new(&verifier, theirs);
    let client = Client::new(server.offers(), ours, CLIENT_NONCE).unwrap();
    let mechanism = client.mechanism();
    let (challenge, awaiting) = server.first(mechanism, &client.first(), SERVER_NONCE)?;
    let answer = client.challenge(&challenge)?.answer(keys);
    answer.proved.check(&awaiting.last(&answer.message)?)?;
    Ok(mechanism)
}

#[test]
fn the_example_of_the_rfc_is_understood() {
    let verifier = verifier();
    let first = format!("n,,n=user,r={CLIENT_NONCE}");
    let (answer, awaiting) =
        Server::new(&verifier, None).first(Mechanism::Plain, first.as_bytes(), SERVER_NONCE).ok().unwrap();
    assert_eq!(answer, format!("r={CLIENT_NONCE}{SERVER_NONCE},s={SALT},i=4096").as_bytes());
    let last = format!("c=biws,r={CLIENT_NONCE}{SERVER_NONCE},p={PROOF}");
    assert_eq!(awaiting.last(last.as_bytes()), Ok(format!("v={SIGNATURE}").into_bytes()));
}

#[test]
fn our_client_computes_what_the_rfc_does() {
    let said = format!(
        "n=user,r={CLIENT_NONCE},r={CLIENT_NONCE}{SERVER_NONCE},s={SALT},i=4096,c=biws,r={CLIENT_NONCE}{SERVER_NONCE}"
    );
    let challenge = Challenge { salt: salt(), iterations: 4096, without_proof: "c=biws".to_string(), said };
    let Answer { message, proved } = challenge.answer(&keys());
    assert_eq!(message, format!("c=biws,p={PROOF}").as_bytes());
    assert_eq!(proved.check(format!("v={SIGNATURE}").as_bytes()), Ok(()));
}

#[test]
fn both_sides_agree_and_bind_to_the_channel_where_they_can() {
    assert_eq!(exchange(&keys(), None, None), Ok(Mechanism::Plain));
    assert_eq!(exchange(&keys(), Some(b"hash"), Some(b"hash")), Ok(Mechanism::Plus));
    assert_eq!(exchange(&keys(), None, Some(b"hash")), Ok(Mechanism::Plain));
}

#[test]
fn another_connection_or_another_password_is_refused() {
    assert_eq!(exchange(&keys(), Some(b"hash"), Some(b"other")), Err(ScramError::Binding));
    let other = Keys::derive(b"pen", &salt(), USUAL_ITERATIONS).unwrap();
    assert_eq!(exchange(&other, None, None), Err(ScramError::WrongProof));
}

#[test]
fn an_offer_that_was_taken_out_on_the_way_is_noticed() {
    let verifier = verifier();
    let client = Client::new(&[Mechanism::Plain], Some(b"hash"), CLIENT_NONCE).unwrap();
    let noticed =
        Server::new(&verifier, Some(b"hash")).first(client.mechanism(), &client.first(), SERVER_NONCE);
    assert_eq!(noticed.err(), Some(ScramError::Downgrade));
    let unbound = Server::new(&verifier, Some(b"hash")).first(Mechanism::Plus, b"n,,n=,r=abc", SERVER_NONCE);
    assert_eq!(unbound.err(), Some(ScramError::Downgrade));
}

#[test]
fn a_server_that_does_not_know_the_password_is_found_out() {
    let challenge = format!("r={CLIENT_NONCE}x,s={SALT},i=4096");
    let proved = || {
        let client = Client::new(&[Mechanism::Plain], None, CLIENT_NONCE).unwrap();
        client.challenge(challenge.as_bytes()).unwrap().answer(&keys()).proved
    };
    let wrong = format!("v={SIGNATURE}");
    assert_eq!(proved().check(wrong.as_bytes()), Err(ScramError::WrongServer));
    assert_eq!(proved().check(b"e=other-error"), Err(ScramError::ServerSaidNo));
    assert_eq!(proved().check(b"v="), Err(ScramError::Malformed("a key has not its length")));
}

#[test]
fn a_challenge_that_is_not_ours_or_asks_too_much_is_refused() {
    let challenge = |text: &str| {
        Client::new(&[Mechanism::Plain], None, "abc").unwrap().challenge(text.as_bytes()).map(drop)
    };
    assert_eq!(challenge("r=abcd,s=AAAA,i=4096"), Ok(()));
    assert_eq!(challenge("r=abc,s=AAAA,i=4096"), Err(ScramError::Nonce));
    assert_eq!(challenge("r=xabc,s=AAAA,i=4096"), Err(ScramError::Nonce));
    assert_eq!(challenge("r=abcd,s=AAAA,i=0"), Err(ScramError::Iterations(0)));
    assert_eq!(challenge("r=abcd,s=AAAA,i=1000001"), Err(ScramError::Iterations(1_000_001)));
    for malformed in
        ["", "m=x,r=abcd,s=AAAA,i=1", "r=abcd,s=A,i=1", "r=abcd,s=AAAA", "r=abcd,s=AAAA,i=x", "r=a\u{e9}"]
    {
        assert!(matches!(challenge(malformed), Err(ScramError::Malformed(_))), "{malformed}");
    }
    assert!(challenge(&format!("r=abcd{},s=AAAA,i=1", "x".repeat(MAX_MESSAGE))).is_err());
}

#[test]
fn a_proof_for_another_exchange_is_refused() {
    let verifier = verifier();
    let awaiting = || {
        let server = Server::new(&verifier, None);
        server.first(Mechanism::Plain, b"n,,n=,r=abc", "xyz").ok().unwrap().1
    };
    let last = |nonce: &str| format!("c=biws,r={nonce},p={PROOF}");
    assert_eq!(awaiting().last(last("abcxyy").as_bytes()), Err(ScramError::Nonce));
    assert_eq!(awaiting().last(last("abcxyz").as_bytes()), Err(ScramError::WrongProof));
    assert_eq!(
        awaiting().last(b"c=eSws,r=abcxyz,p=AA=="),
        Err(ScramError::Malformed("a key has not its length"))
    );
}

#[test]
fn a_verifier_survives_its_text() {
    let text = verifier().text();
    assert!(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
    assert!(Verifier::parse(&text).ok().is_some_and(|parsed| parsed == verifier()));
    for broken in ["", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "md5abc", "SCRAM-SHA-256$4096:AAAA$AA==:AA=="] {
        assert!(Verifier::parse(broken).is_err(), "{broken}");
    }
}

#[test]
fn passwords_are_prepared_as_postgresql_does() {
    // RFC 4013, section 3, and what it forbids: PostgreSQL then takes the bytes.
    assert_eq!(&*prepared("I\u{ad}X".as_bytes()), b"IX");
    assert_eq!(&*prepared("\u{2168}".as_bytes()), b"IX");
    assert_eq!(&*prepared(b"a\x07b"), b"a\x07b");
    assert_eq!(&*prepared(b"\xff\xfe"), b"\xff\xfe");
    assert_eq!(&*prepared("\u{ad}".as_bytes()), "\u{ad}".as_bytes());
}
