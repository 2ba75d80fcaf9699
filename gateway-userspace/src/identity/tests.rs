//! Tokens with a good form and something wrong, against keys made here; providers that lie, are slow, huge or away.

mod issuer;

use std::sync::Arc;

use gateway_audit::event::IdentityProblem;

use super::keyring::Published;
use super::provider::Provider;
use super::*;
use crate::config::fixture;
use crate::sys::clock::MovedClock;
use issuer::{Issuer, Key, Mood, NOW, key_set, part, token};

struct Scene {
    key: Key,
    issuer: Issuer,
    clock: MovedClock,
    provider: Provider,
}

fn config(issuer: &str) -> Config {
    fixture(&format!(
        "[identity.corp]\nissuer = \"{issuer}\"\naudience = \"postern\"\ntimeout = \"300ms\"\ndanger_http = true\n\
         [agents.coder]\nslice = \"a.slice\"\nidentity = \"token-file:/token\"\nproviders = \"corp\"\n\
         tokens = [\"client:coder\", \"subject:robot-*\", \"actor:coder\"]\n"
    ))
}

impl Scene {
    fn set() -> Self {
        let key = Key::new("k1");
        let issuer = Issuer::start(&[&key]);
        let clock = MovedClock::at(UNIX_EPOCH + Duration::from_secs(NOW));
        let config = config(&issuer.issuer);
        let provider =
            Provider::new("corp", &config.identity["corp"], Arc::new(clock.clone())).expect("a provider");
        Self { key, issuer, clock, provider }
    }

    fn claims(&self) -> String {
        format!(
            r#"{{"iss":"{}","aud":"postern","sub":"alice","client_id":"coder","iat":{NOW},"exp":{}}}"#,
            self.issuer.issuer,
            NOW + 300
        )
    }

    async fn problem(&self, token: &Token) -> Option<IdentityProblem> {
        self.provider.vouch(token).await.err().map(|refused| refused.problem)
    }
}

#[tokio::test]
async fn a_token_that_its_issuer_signed_counts_and_none_that_was_touched() {
    let scene = Scene::set();
    let good = scene.key.token(&scene.claims());
    assert_eq!(scene.provider.vouch(&good).await.expect("vouched").subject, "alice");
    let (signed, signature) = good.text().rsplit_once('.').expect("three parts");
    let (header, _) = signed.split_once('.').expect("three parts");
    let bad = Some(IdentityProblem::BadSignature);
    let other_claims = part(&scene.claims().replace("alice", "admin"));
    assert_eq!(scene.problem(&token(&format!("{header}.{other_claims}.{signature}"))).await, bad);
    // The same name for another key.
    assert_eq!(scene.problem(&Key::new("k1").token(&scene.claims())).await, bad);
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let touched = format!("{signed}.{flipped}{}", &signature[1..]);
    assert_eq!(scene.problem(&token(&touched)).await, bad);
}

/// Attacks that are known from other verifiers.
#[tokio::test]
async fn what_has_fooled_others_fools_nobody_here() {
    let scene = Scene::set();
    let sign = |header: &str| token(&scene.key.sign(&format!("{}.{}", part(header), part(&scene.claims()))));
    let point = part("a public key as a shared secret");
    for (header, problem) in [
        (r#"{"alg":"none","typ":"at+jwt"}"#, IdentityProblem::Algorithm),
        (r#"{"alg":"HS256","kid":"k1","typ":"at+jwt"}"#, IdentityProblem::Algorithm),
        (r#"{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}"#, IdentityProblem::UnknownKey),
        (r#"{"alg":"ES256","kid":"../../dev/null","typ":"at+jwt"}"#, IdentityProblem::UnknownKey),
        (r#"{"alg":"ES256","kid":"k1' or '1'='1","typ":"at+jwt"}"#, IdentityProblem::UnknownKey),
        (r#"{"alg":"ES256","kid":"","typ":"at+jwt"}"#, IdentityProblem::UnknownKey),
        (r#"{"alg":"ES256","kid":"k1","typ":"JWT"}"#, IdentityProblem::WrongKind),
        (r#"{"alg":"ES256","kid":"k1"}"#, IdentityProblem::WrongKind),
        (
            r#"{"alg":"ES256","kid":"k1","typ":"at+jwt","jku":"http://127.0.0.1:1/"}"#,
            IdentityProblem::Malformed,
        ),
        (r#"{"alg":"ES256","kid":"k1","typ":"at+jwt","crit":["x"],"x":1}"#, IdentityProblem::Malformed),
        (r#"{"alg":"ES256","alg":"none","typ":"at+jwt"}"#, IdentityProblem::Malformed),
    ] {
        assert_eq!(scene.problem(&sign(header)).await, Some(problem), "{header}");
    }
    let embedded = format!(r#"{{"alg":"ES256","typ":"at+jwt","jwk":{}}}"#, scene.key.public());
    assert_eq!(scene.problem(&sign(&embedded)).await, Some(IdentityProblem::Malformed));
    let empty =
        format!("{}.{}.", part(r#"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#), part(&scene.claims()));
    assert_eq!(scene.problem(&token(&empty)).await, Some(IdentityProblem::BadSignature));
    let huge = format!("{}.{}.{point}", part("{}"), "A".repeat(20_000));
    assert_eq!(scene.problem(&token(&huge)).await, Some(IdentityProblem::Malformed));
    // Without the name of a key the only one that fits is meant.
    let nameless = sign(r#"{"alg":"ES256","typ":"at+jwt"}"#);
    assert_eq!(scene.problem(&nameless).await, None);
}

#[tokio::test]
async fn two_keys_that_could_both_be_meant_are_none() {
    let scene = Scene::set();
    let twice = Published::of(&key_set(&[&scene.key, &Key::new("k1")])).expect("keys");
    let good = scene.key.token(&scene.claims());
    let refused = scene.provider.vouch_with(&good, &twice).expect_err("ambiguous");
    assert_eq!(refused.problem, IdentityProblem::UnknownKey);
}

#[tokio::test]
async fn a_new_key_is_fetched_once_and_invented_ones_are_not_fetched_for() {
    let scene = Scene::set();
    assert_eq!(scene.problem(&scene.key.token(&scene.claims())).await, None);
    let next = Key::new("k2");
    scene.issuer.turn(Mood::Keys(key_set(&[&next, &scene.key])));
    scene.clock.advance(keyring::PAUSE);
    assert_eq!(scene.problem(&next.token(&scene.claims())).await, None);
    assert_eq!(scene.issuer.fetches(), 2);
    for number in 0..20 {
        let invented = Key::new(&format!("k{number}x")).token(&scene.claims());
        assert_eq!(scene.problem(&invented).await, Some(IdentityProblem::UnknownKey));
    }
    assert_eq!(scene.issuer.fetches(), 2);
    // A key that was withdrawn counts until the keys are asked for again, and then no more.
    scene.issuer.turn(Mood::Keys(key_set(&[&next])));
    scene.clock.advance(Duration::from_secs(250));
    assert_eq!(scene.problem(&scene.key.token(&scene.claims())).await, None);
    scene.clock.advance(Duration::from_secs(400));
    let claims =
        scene.claims().replace(&format!("\"exp\":{}", NOW + 300), &format!("\"exp\":{}", NOW + 3000));
    assert_eq!(scene.problem(&scene.key.token(&claims)).await, Some(IdentityProblem::UnknownKey));
    assert_eq!(scene.problem(&next.token(&claims)).await, None);
}

#[tokio::test]
async fn a_provider_that_is_away_lies_or_talks_nonsense_gives_no_keys_and_takes_no_time() {
    for mood in [
        Mood::Nothing,
        Mood::Silent,
        Mood::Endless,
        Mood::Nonsense,
        Mood::Other("http://127.0.0.1:1".to_owned()),
        Mood::Keys("{\"keys\":[]}".to_owned()),
        Mood::Keys("{\"keys\":[],\"keys\":[]}".to_owned()),
    ] {
        let scene = Scene::set();
        scene.issuer.turn(mood.clone());
        let since = std::time::Instant::now();
        let good = scene.key.token(&scene.claims());
        assert_eq!(scene.problem(&good).await, Some(IdentityProblem::ProviderAway), "{mood:?}");
        // Whoever comes next does not wait for it again, and when it is back nobody is kept out.
        assert_eq!(scene.problem(&good).await, Some(IdentityProblem::ProviderAway), "{mood:?}");
        assert!(since.elapsed() < Duration::from_secs(10), "{mood:?}");
        scene.issuer.turn(Mood::Keys(key_set(&[&scene.key])));
        scene.clock.advance(keyring::PAUSE);
        assert_eq!(scene.problem(&good).await, None, "{mood:?}");
    }
}

#[tokio::test]
async fn known_keys_are_used_while_the_provider_is_away_and_not_for_ever() {
    let scene = Scene::set();
    let claims =
        scene.claims().replace(&format!("\"exp\":{}", NOW + 300), &format!("\"exp\":{}", NOW + 80_000));
    let good = scene.key.token(&claims);
    assert_eq!(scene.problem(&good).await, None);
    scene.issuer.turn(Mood::Nonsense);
    scene.clock.advance(Duration::from_secs(4 * 3600 - 60));
    assert_eq!(scene.problem(&good).await, None);
    scene.clock.advance(Duration::from_secs(120));
    assert_eq!(scene.problem(&good).await, Some(IdentityProblem::ProviderAway));
}

fn identities(scene: &Scene) -> Identities {
    let enforcer = Arc::new(Enforcer::at(std::path::Path::new("/nowhere")));
    Identities::new(&config(&scene.issuer.issuer), enforcer, Arc::new(scene.clock.clone()))
}

async fn shown(scene: &Scene, claims: &str) -> Result<Proven, Unproved> {
    let identities = identities(scene);
    let known = identities.known();
    let terms = known.terms("coder").expect("configured");
    identities.prove(terms, &scene.key.token(claims), Proved::TokenFile, Brought::ByAgent).await
}

#[tokio::test]
async fn a_token_of_another_agent_is_worth_nothing_here() {
    let scene = Scene::set();
    let claims = scene.claims();
    for own in [
        claims.clone(),
        claims.replace("\"client_id\":\"coder\"", "\"sub2\":\"\"").replace("alice", "robot-7"),
        claims.replace("\"client_id\":\"coder\"", "\"act\":{\"sub\":\"coder\"}"),
    ] {
        assert!(shown(&scene, &own).await.is_ok(), "{own}");
    }
    for other in [
        claims.replace("\"client_id\":\"coder\"", "\"client_id\":\"tester\""),
        claims.replace("\"client_id\":\"coder\"", "\"act\":{\"sub\":\"tester\",\"act\":{\"sub\":\"coder\"}}"),
        claims.replace("\"client_id\":\"coder\"", "\"sub2\":\"coder\""),
    ] {
        let unproved = shown(&scene, &other).await.err().expect("refused");
        assert_eq!(unproved.problem, IdentityProblem::OtherAgent, "{other}");
        assert!(unproved.hint.contains("/token") && unproved.hint.contains("postern"), "{}", unproved.hint);
    }
    let foreign = claims.replace(&scene.issuer.issuer, "https://other.example.com");
    let unproved = shown(&scene, &foreign).await.err().expect("refused");
    assert_eq!(unproved.problem, IdentityProblem::UnknownIssuer);
}

#[tokio::test]
async fn an_identity_ends_when_its_token_does_though_the_clock_be_set_back() {
    let scene = Scene::set();
    let Ok(proven) = shown(&scene, &scene.claims()).await else { panic!("it was not proved") };
    assert!(!proven.is_over(&scene.clock));
    scene.clock.advance(Duration::from_secs(299));
    assert!(!proven.is_over(&scene.clock));
    scene.clock.set(UNIX_EPOCH + Duration::from_secs(NOW + 99));
    scene.clock.advance(Duration::from_secs(1));
    assert!(proven.is_over(&scene.clock));
    let identity = Identity::new("coder", 0, Standing::Person(proven));
    let lost = identities(&scene).lost(&identity).await;
    assert_eq!(lost.problem, IdentityProblem::Expired);
}

#[tokio::test]
async fn a_configuration_that_asks_for_more_ends_what_showed_less() {
    let scene = Scene::set();
    let lost = identities(&scene).lost(&Identity::new("coder", 0, Standing::Attested)).await;
    assert_eq!(lost.problem, IdentityProblem::NotConfigured);
}

#[test]
fn a_password_is_taken_for_a_token_only_if_it_looks_like_one() {
    for (text, is) in [("eyJhbGciOi.e30.AA", true), ("secret", false), ("a.b.c", false), ("eyJ", false)] {
        assert_eq!(token(text).looks_like_one(), is, "{text}");
    }
}
