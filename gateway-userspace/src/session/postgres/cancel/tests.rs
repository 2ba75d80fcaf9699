use super::*;

fn errand() -> Errand {
    let key = CancelKey::new(4711, &[1, 2, 3, 4]);
    let address = SocketAddr::from(([127, 0, 0, 1], 5432));
    Errand { connection: 1, target: "orders".into(), address, key, bell: Arc::default() }
}

fn registered(cancels: &Arc<Cancels>, agent: &str, version: Version) -> Registered {
    cancels.register(agent, version, errand()).expect("a key")
}

#[test]
fn a_key_leads_to_the_targets_and_never_is_it() {
    let cancels = Arc::default();
    for (version, length) in [(Version::V3_0, 4), (Version::V3_2, 32)] {
        let registered = registered(&cancels, "coder", version);
        assert_eq!(registered.key.secret().len(), length);
        let found = cancels.find("coder", &registered.key).expect("its errand");
        assert_eq!(found.key, CancelKey::new(4711, &[1, 2, 3, 4]));
        assert_ne!(Some(&registered.key), found.key.as_ref());
    }
}

#[test]
fn a_key_works_for_the_agent_that_it_was_given_to() {
    let cancels = Arc::default();
    let registered = registered(&cancels, "coder", Version::V3_0);
    assert!(cancels.find("coder", &registered.key).is_some());
    assert!(cancels.find("tester", &registered.key).is_none());
}

#[test]
fn a_wrong_secret_or_a_part_of_the_right_one_leads_nowhere() {
    let cancels = Arc::default();
    let registered = registered(&cancels, "coder", Version::V3_2);
    let (process, secret) = (registered.key.process, registered.key.secret().to_vec());
    let mut wrong = secret.clone();
    wrong[31] ^= 1;
    for guess in [&wrong[..], &secret[..31], &secret[..4], &[&secret[..], b"x"].concat()] {
        assert!(
            cancels.find("coder", &CancelKey::new(process, guess).expect("a key")).is_none(),
            "{guess:?}"
        );
    }
    let other = CancelKey::new(process ^ 1, &secret).expect("a key");
    assert!(cancels.find("coder", &other).is_none());
}

#[test]
fn a_key_dies_with_its_session() {
    let cancels = Arc::default();
    let registered = registered(&cancels, "coder", Version::V3_0);
    let key = registered.key.clone();
    drop(registered);
    assert!(cancels.find("coder", &key).is_none());
}

#[test]
fn no_two_sessions_have_the_same_number_or_the_same_secret() {
    let cancels = Arc::default();
    let all: Vec<Registered> = (0..1000).map(|_| registered(&cancels, "coder", Version::V3_0)).collect();
    let numbers: std::collections::HashSet<u32> =
        all.iter().map(|registered| registered.key.process).collect();
    let secrets: std::collections::HashSet<&[u8]> =
        all.iter().map(|registered| registered.key.secret()).collect();
    assert_eq!((numbers.len(), secrets.len()), (1000, 1000));
}
