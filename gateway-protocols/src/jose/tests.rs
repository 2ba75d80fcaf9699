use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::claims::{ClaimError, Expected};
use super::discovery::{self, DiscoveryError};
use super::json::{JsonError, Value};
use super::keys;
use super::token::{TokenError, Unverified};
use super::*;

const NOW: u64 = 1_700_000_000;
const LONGEST: usize = 16 << 10;

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token whose signature has the right form.
fn token(header: &str, claims: &str) -> String {
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode([1; 64]))
}

const HEADER: &str = r#"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#;
const CLAIMS: &str = r#"{"iss":"https://id.example.com","aud":"postern","sub":"alice","iat":1699999900,"exp":1700000300,"client_id":"coder"}"#;

fn refused(text: &str) -> TokenError {
    Unverified::read(text, LONGEST).expect_err(text)
}

#[test]
fn a_token_is_taken_apart() {
    let text = token(HEADER, CLAIMS);
    let read = Unverified::read(&text, LONGEST).expect("a token");
    assert_eq!((read.algorithm, read.key.as_deref()), (Algorithm::Es256, Some("k1")));
    assert_eq!(read.kind.as_deref(), Some("at+jwt"));
    assert_eq!(format!("{}.{}", read.signed, read.signature), text);
}

#[test]
fn what_is_no_token_of_three_parts_is_none() {
    let (header, claims) = (part(HEADER), part(CLAIMS));
    let good = token(HEADER, CLAIMS);
    let signature = good.rsplit('.').next().expect("three parts");
    for text in [
        String::new(),
        ".".to_string(),
        "..".to_string(),
        header.clone(),
        format!("{header}.{claims}"),
        format!("{good}.{signature}"),
        format!("{good}.{signature}.{signature}"),
        format!("..{signature}"),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
    ] {
        assert_eq!(refused(&text), TokenError::Parts, "{text}");
    }
    assert_eq!(Unverified::read(&good, good.len() - 1).expect_err("long"), TokenError::TooLong);
}

#[test]
fn each_part_has_one_spelling() {
    let good = token(HEADER, CLAIMS);
    for text in [
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        good.replacen('e', "e\u{0}", 1),
        // The last letter carries two bits that stand for nothing.
        format!("{}B", good.strip_suffix('Q').expect("64 bytes of one")),
        format!("{good}+/"),
    ] {
        assert_eq!(refused(&text), TokenError::Encoding, "{text:?}");
    }
    let not_utf8 = format!("{}.{}.{}", part(HEADER), URL_SAFE_NO_PAD.encode([0xff, 0xfe]), "AQ");
    assert_eq!(refused(&not_utf8), TokenError::Encoding);
}

#[test]
fn only_listed_ways_of_signing_are_read() {
    for alg in [
        r#""none""#,
        r#""None""#,
        r#""nOnE""#,
        r#""HS256""#,
        r#""HS512""#,
        r#""ES512""#,
        r#""RS512""#,
        r#""ES256K""#,
        r#""es256""#,
        r#""ES256 ""#,
        r#""RSA-OAEP""#,
        r#""dir""#,
        r#""""#,
        "null",
        "1",
        r#"["ES256"]"#,
    ] {
        assert_eq!(refused(&token(&format!(r#"{{"alg":{alg}}}"#), CLAIMS)), TokenError::Algorithm, "{alg}");
    }
    assert_eq!(refused(&token(r#"{"typ":"JWT"}"#, CLAIMS)), TokenError::Algorithm);
}

#[test]
fn a_header_that_brings_its_own_key_or_rules_is_refused_whatever_they_are() {
    for name in ["jku", "x5u", "jwk", "x5c", "crit", "b64", "zip", "enc", "epk", "cty"] {
        for value in ["null", r#""x""#, "[]", "{}", "false"] {
            let header = format!(r#"{{"alg":"ES256","{name}":{value}}}"#);
            assert_eq!(refused(&token(&header, CLAIMS)), TokenError::Forbidden(name), "{header}");
        }
    }
    // However the name is written.
    let escaped = r#"{"alg":"ES256","\u006aku":"https://attacker.example"}"#;
    assert_eq!(refused(&token(escaped, CLAIMS)), TokenError::Forbidden("jku"));
}

#[test]
fn a_name_of_a_key_or_a_kind_is_text() {
    for (name, value) in [("kid", "1"), ("kid", "[\"k1\"]"), ("typ", "null"), ("typ", "{}")] {
        let header = format!(r#"{{"alg":"ES256","{name}":{value}}}"#);
        assert_eq!(refused(&token(&header, CLAIMS)), TokenError::Header(name));
    }
    let long = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(257));
    assert_eq!(refused(&token(&long, CLAIMS)), TokenError::Header("kid"));
    let prefixed = token(r#"{"alg":"ES256","typ":"application/AT+JWT"}"#, CLAIMS);
    assert_eq!(Unverified::read(&prefixed, LONGEST).expect("a token").kind.as_deref(), Some("at+jwt"));
}

#[test]
fn a_signature_of_zeroes_or_of_another_length_is_none() {
    let with = |alg: &str, signature: &[u8]| {
        let header = part(&format!(r#"{{"alg":"{alg}"}}"#));
        format!("{header}.{}.{}", part(CLAIMS), URL_SAFE_NO_PAD.encode(signature))
    };
    let halves = |length: usize, first: u8, second: u8| {
        [alloc::vec![first; length], alloc::vec![second; length]].concat()
    };
    for (alg, signature) in [
        ("ES256", Vec::new()),
        ("ES256", halves(32, 0, 0)),
        ("ES256", halves(32, 0, 1)),
        ("ES256", halves(32, 1, 0)),
        ("ES256", halves(31, 1, 1)),
        ("ES256", halves(33, 1, 1)),
        ("ES256", halves(48, 1, 1)),
        ("ES384", halves(32, 1, 1)),
        ("ES384", halves(48, 1, 0)),
        ("EdDSA", halves(32, 0, 0)),
        ("EdDSA", halves(31, 1, 1)),
        ("RS256", alloc::vec![0; 256]),
        ("RS256", alloc::vec![1; 255]),
        ("PS256", alloc::vec![1; 1025]),
    ] {
        assert_eq!(refused(&with(alg, &signature)), TokenError::Signature, "{alg} {}", signature.len());
    }
}

#[test]
fn json_that_could_be_read_in_two_ways_is_not_read() {
    for text in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"{"b":{"a":1,"c":2,"a":1}}"#] {
        assert_eq!(Value::read(text), Err(JsonError::Duplicate), "{text}");
    }
    for text in [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "01",
        "1.",
        ".5",
        "+1",
        "NaN",
        "Infinity",
        "tru",
        "\"\\x41\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"a\nb\"",
        "\"\t\"",
        "{} {}",
        "{}x",
        "// a\n1",
        "\u{feff}1",
        "\"\\u00g1\"",
        "\"\\u+041\"",
        "1e",
        "-",
        "\"",
        "[",
        "[1 2]",
        "{\"a\" 1}",
        "nul",
        "\"\\u12\"",
    ] {
        assert_eq!(Value::read(text), Err(JsonError::Malformed), "{text:?}");
    }
    assert_eq!(Value::read("\"\\ud83d\\ude00\\n\"").expect("text").text(), Some("😀\n"));
}

#[test]
fn json_is_bounded_in_depth_and_number() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Value::read(&nested(8)).is_ok());
    assert_eq!(Value::read(&nested(10)), Err(JsonError::TooDeep));
    assert_eq!(Value::read(&"[".repeat(100_000)), Err(JsonError::TooDeep));
    assert_eq!(Value::read(&format!("[{}1]", "1,".repeat(9000))), Err(JsonError::TooMany));
    let members: Vec<String> = (0..300).map(|number| format!("\"{number}\":1")).collect();
    assert_eq!(Value::read(&format!("{{{}}}", members.join(","))), Err(JsonError::TooMany));
    assert_eq!(
        refused(&token(HEADER, &format!(r#"{{"a":{}}}"#, nested(1000)))),
        TokenError::Json(JsonError::TooDeep)
    );
    assert_eq!(
        refused(&token(HEADER, &CLAIMS.replace("\"aud\"", "\"sub\":\"root\",\"aud\""))),
        TokenError::Json(JsonError::Duplicate)
    );
    assert_eq!(refused(&token("[]", CLAIMS)), TokenError::Json(JsonError::Malformed));
}

fn expected() -> Expected {
    Expected {
        issuer: "https://id.example.com".into(),
        audience: ["postern".to_string()].into(),
        kinds: [Some("at+jwt".to_string())].into(),
        clients: Vec::new(),
        require: Vec::new(),
        groups: "groups".into(),
        leeway: 30,
        oldest: 3600,
    }
}

fn checked(claims: &str, expected: &Expected, now: u64) -> Result<claims::Claims, ClaimError> {
    let text = token(HEADER, claims);
    expected.check(&Unverified::read(&text, LONGEST).expect(claims), now)
}

/// The usual claims with one of them written differently, or left out.
fn with(name: &str, value: Option<&str>) -> String {
    let Ok(Value::Object(members)) = Value::read(CLAIMS) else { panic!("an object") };
    let usual = members.into_iter().filter(|(known, _)| known != name).map(|(known, value)| match value {
        Value::Text(text) => format!("\"{known}\":\"{text}\""),
        Value::Number(digits) => format!("\"{known}\":{digits}"),
        other => panic!("{other:?}"),
    });
    let members: Vec<String> = usual.chain(value.map(|value| format!("\"{name}\":{value}"))).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn a_token_that_is_meant_for_us_now_says_who_is_meant() {
    let claims = checked(&with("groups", Some(r#"["b","a","b"]"#)), &expected(), NOW).expect("somebody");
    assert_eq!((claims.subject.as_str(), claims.client.as_deref()), ("alice", Some("coder")));
    assert_eq!(claims.groups, ["a", "b"]);
    assert_eq!(claims.until, 1_700_000_300);
}

#[test]
fn a_token_of_another_issuer_audience_kind_or_client_does_not_count() {
    let cases = [
        ("iss", None, ClaimError::Issuer),
        ("iss", Some(r#""https://id.example.com/""#), ClaimError::Issuer),
        ("iss", Some(r#"["https://id.example.com"]"#), ClaimError::Issuer),
        ("aud", None, ClaimError::Missing("aud")),
        ("aud", Some(r#""Postern""#), ClaimError::Audience),
        ("aud", Some(r#""postern-admin""#), ClaimError::Audience),
        ("aud", Some("[]"), ClaimError::Audience),
        ("aud", Some(r#"["other",1]"#), ClaimError::Missing("aud")),
        ("aud", Some(r#"{"postern":true}"#), ClaimError::Missing("aud")),
        ("sub", None, ClaimError::Missing("sub")),
        ("sub", Some(r#""""#), ClaimError::Missing("sub")),
        ("sub", Some("7"), ClaimError::Missing("sub")),
        ("sub", Some(r#""a\u0000b""#), ClaimError::Missing("sub")),
        ("sub", Some(r#""\u202eecila""#), ClaimError::Missing("sub")),
        ("azp", Some(r#""tester""#), ClaimError::Client),
        ("azp", Some("1"), ClaimError::Missing("azp")),
        ("act", Some(r#""coder""#), ClaimError::Missing("act")),
        ("act", Some("{}"), ClaimError::Missing("act")),
        ("groups", Some("1"), ClaimError::Missing("groups")),
        ("groups", Some(r#"["a",1]"#), ClaimError::Missing("groups")),
    ];
    for (name, value, error) in cases {
        assert_eq!(checked(&with(name, value), &expected(), NOW), Err(error), "{name} {value:?}");
    }
    assert!(checked(&with("aud", Some(r#"["x","postern"]"#)), &expected(), NOW).is_ok());
    let clients = |client: &str| Expected { clients: [client.to_string()].into(), ..expected() };
    assert!(checked(CLAIMS, &clients("coder"), NOW).is_ok());
    assert_eq!(checked(CLAIMS, &clients("tester"), NOW), Err(ClaimError::Client));
    assert_eq!(checked(&with("client_id", None), &clients("coder"), NOW), Err(ClaimError::Client));
    let kinds = |kind: Option<&str>| Expected { kinds: [kind.map(ToString::to_string)].into(), ..expected() };
    assert_eq!(checked(CLAIMS, &kinds(Some("jwt")), NOW), Err(ClaimError::Kind));
    assert_eq!(checked(CLAIMS, &kinds(None), NOW), Err(ClaimError::Kind));
}

#[test]
fn a_token_holds_from_its_beginning_to_its_end_and_never_longer_than_the_oldest_may() {
    let (issued, until) = (1_699_999_900, 1_700_000_300);
    for (now, outcome) in [
        (issued - 31, Err(ClaimError::NotYet)),
        (issued - 30, Ok(())),
        (until + 29, Ok(())),
        (until + 30, Err(ClaimError::Expired)),
        (u64::MAX, Err(ClaimError::Expired)),
        (0, Err(ClaimError::NotYet)),
    ] {
        assert_eq!(checked(CLAIMS, &expected(), now).map(drop), outcome, "{now}");
    }
    let for_ever = with("exp", Some("99999999999999999999"));
    assert_eq!(checked(&for_ever, &expected(), NOW), Err(ClaimError::Missing("exp")));
    let long = with("exp", Some("9000000000000000"));
    assert_eq!(checked(&long, &expected(), NOW).expect("young").until, issued + 3600);
    assert_eq!(checked(&long, &expected(), issued + 3630), Err(ClaimError::TooOld));
    for (name, value, error) in [
        ("exp", None, ClaimError::Missing("exp")),
        ("exp", Some(r#""1700000300""#), ClaimError::Missing("exp")),
        ("exp", Some("-1"), ClaimError::Missing("exp")),
        ("exp", Some("1e400"), ClaimError::Missing("exp")),
        ("exp", Some("null"), ClaimError::Missing("exp")),
        ("exp", Some("0"), ClaimError::Expired),
        ("iat", None, ClaimError::Missing("iat")),
        ("iat", Some("1700000031"), ClaimError::NotYet),
        ("nbf", Some("1700000031"), ClaimError::NotYet),
        ("nbf", Some("true"), ClaimError::Missing("nbf")),
    ] {
        assert_eq!(checked(&with(name, value), &expected(), NOW), Err(error), "{name} {value:?}");
    }
    assert!(checked(&with("exp", Some("1700000300.75")), &expected(), NOW).is_ok());
    assert!(checked(&with("exp", Some("1.7000003e9")), &expected(), NOW).is_ok());
}

#[test]
fn what_is_required_beyond_that_is_found_by_its_path() {
    let require =
        |path: &str, text: &str| Expected { require: [(path.into(), text.into())].into(), ..expected() };
    let nested = with("realm", Some(r#"{"access":{"roles":["x","agents"]}}"#));
    assert!(checked(&nested, &require("realm.access.roles", "agents"), NOW).is_ok());
    let lacking = ClaimError::Required("realm.access.roles".into());
    assert_eq!(checked(&nested, &require("realm.access.roles", "agent"), NOW), Err(lacking.clone()));
    assert_eq!(checked(CLAIMS, &require("realm.access.roles", "agents"), NOW), Err(lacking));
    let dotted = with("https://example.com/groups", Some(r#"["dba"]"#));
    let groups = Expected { groups: "https://example.com/groups".into(), ..expected() };
    assert_eq!(checked(&dotted, &groups, NOW).expect("somebody").groups, ["dba"]);
}

#[test]
fn an_actor_is_told_and_an_address_that_is_not_verified_is_not() {
    let acting = checked(&with("act", Some(r#"{"sub":"coder","act":{"sub":"other"}}"#)), &expected(), NOW);
    assert_eq!(acting.expect("somebody").actor.as_deref(), Some("coder"));
    let email = |verified: &str| {
        let claims = with("email", Some(r#""a@example.com""#)).replace('}', &format!("{verified}}}"));
        checked(&claims, &expected(), NOW).expect("somebody").email
    };
    assert_eq!(email("").as_deref(), Some("a@example.com"));
    assert_eq!(email(r#","email_verified":true"#).as_deref(), Some("a@example.com"));
    assert_eq!(email(r#","email_verified":false"#), None);
    assert_eq!(email(r#","email_verified":"true""#), None);
}

fn number(length: usize) -> String {
    URL_SAFE_NO_PAD.encode(alloc::vec![0x81; length])
}

#[test]
fn only_keys_that_verify_signatures_and_nothing_else_are_taken() {
    let (p256, n2048) = (number(32), number(256));
    let ec = format!(r#""kty":"EC","crv":"P-256","x":"{p256}","y":"{p256}""#);
    let rsa = format!(r#""kty":"RSA","n":"{n2048}","e":"AQAB""#);
    let taken = |members: &str| keys::read(&format!(r#"{{"keys":[{{{members}}}]}}"#)).expect(members).len();
    for good in [
        ec.clone(),
        rsa.clone(),
        format!(r#"{ec},"kid":"k","use":"sig","alg":"ES256""#),
        format!(r#"{ec},"key_ops":["verify"]"#),
        format!(r#""kty":"OKP","crv":"Ed25519","x":"{p256}""#),
        format!(r#""kty":"EC","crv":"P-384","x":"{0}","y":"{0}""#, number(48)),
    ] {
        assert_eq!(taken(&good), 1, "{good}");
    }
    for bad in [
        format!(r#"{ec},"use":"enc""#),
        format!(r#"{ec},"use":1"#),
        format!(r#"{ec},"key_ops":["sign"]"#),
        format!(r#"{ec},"key_ops":[]"#),
        format!(r#"{ec},"d":"{p256}""#),
        format!(r#"{ec},"alg":"HS256""#),
        format!(r#"{ec},"alg":"none""#),
        format!(r#"{ec},"kid":1"#),
        format!(r#""kty":"oct","k":"{p256}""#),
        format!(r#""kty":"oct","k":"{p256}","alg":"ES256""#),
        format!(r#""kty":"EC","crv":"P-521","x":"{p256}","y":"{p256}""#),
        format!(r#""kty":"EC","crv":"P-256","x":"{p256}""#),
        format!(r#""kty":"EC","crv":"P-256","x":"{p256}","y":"{}""#, number(33)),
        format!(r#""kty":"RSA","n":"{}","e":"AQAB""#, number(128)),
        format!(r#""kty":"RSA","n":"{}","e":"AQAB""#, number(2048)),
        format!(r#""kty":"RSA","n":"{n2048}""#),
        format!(r#""kty":"OKP","crv":"X25519","x":"{p256}""#),
        "\"kty\":7".to_string(),
        String::new(),
    ] {
        assert_eq!(taken(&bad), 0, "{bad}");
    }
}

#[test]
fn a_key_verifies_only_what_it_is_for() {
    let (p256, n2048) = (number(32), number(256));
    let document = format!(
        r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{p256}","y":"{p256}"}},{{"kty":"RSA","n":"{n2048}","e":"AQAB","alg":"PS256"}},"x",null]}}"#
    );
    let keys = keys::read(&document).expect("keys");
    let suits = |key: usize| Algorithm::ALL.map(|algorithm| keys[key].suits(algorithm));
    assert_eq!(suits(0), [true, false, false, false, false]);
    assert_eq!(suits(1), [false, false, false, true, false]);
    assert_eq!(keys.len(), 2);
    let many = format!(r#"{{"keys":[{}null]}}"#, "null,".repeat(64));
    assert_eq!(keys::read(&many), Err(keys::KeysError::TooMany));
    assert_eq!(keys::read("{}"), Err(keys::KeysError::NoList));
}

#[test]
fn a_provider_that_says_it_is_another_one_is_not_believed() {
    let document =
        |issuer: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"https://id.example.com/jwks"}}"#);
    let read = |issuer: &str| discovery::read(&document(issuer), "https://id.example.com");
    assert_eq!(read("https://id.example.com").expect("a provider").keys, "https://id.example.com/jwks");
    for other in ["https://id.example.com/", "https://ID.example.com", "http://id.example.com", ""] {
        assert_eq!(read(other), Err(DiscoveryError::Issuer), "{other}");
    }
    let none = discovery::read(r#"{"issuer":"https://id.example.com"}"#, "https://id.example.com");
    assert_eq!(none, Err(DiscoveryError::NoKeys));
    assert_eq!(discovery::place("https://a/b/"), "https://a/b/.well-known/openid-configuration");
}
