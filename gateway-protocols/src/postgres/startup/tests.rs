use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::*;

fn first(code: u32, body: &[u8]) -> Vec<u8> {
    let mut message = ((HEAD + body.len()) as u32).to_be_bytes().to_vec();
    message.extend_from_slice(&code.to_be_bytes());
    message.extend_from_slice(body);
    message
}

fn startup(version: Version, body: &[u8]) -> Vec<u8> {
    first(version.into(), body)
}

fn whole(bytes: &[u8]) -> Result<Opening, Malformed> {
    match read(bytes)? {
        Read::Whole { opening, length } => {
            assert_eq!(length, bytes.len());
            Ok(opening)
        }
        Read::Needs(more) => panic!("{more} bytes needed, {} there", bytes.len()),
    }
}

fn login(body: &[u8]) -> Result<Startup, Malformed> {
    match whole(&startup(Version::V3_0, body))? {
        Opening::Startup(startup) => Ok(startup),
        other => panic!("{other:?}"),
    }
}

/// What psql 15 sends.
const PSQL: &[u8] = b"user\0app\0database\0orders\0application_name\0psql\0client_encoding\0UTF8\0\0";

#[test]
fn a_startup_message_says_who_wants_in() {
    let startup = login(PSQL).unwrap();
    assert_eq!((startup.user.as_str(), startup.database.as_str()), ("app", "orders"));
    let others: Vec<&str> = startup.parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(others, ["application_name", "client_encoding"]);
    assert_eq!(startup.replication, Replication::None);
    assert_eq!(login(b"user\0app\0\0").unwrap().database, "app");
    assert_eq!(login(b"user\0app\0database\0\0\0").unwrap().database, "app");
}

#[test]
fn requests_for_encryption_have_no_body() {
    assert_eq!(whole(&first(TLS, b"")), Ok(Opening::Tls));
    assert_eq!(whole(&first(GSS, b"")), Ok(Opening::Gss));
    assert_eq!(read(&first(TLS, b"x")), Err(Malformed::Length));
    assert_eq!(read(&first(GSS, b"x")), Err(Malformed::Length));
}

#[test]
fn a_cancel_key_reads_as_it_was_written() {
    for length in [4, 32, 256] {
        let key = CancelKey::new(7, &vec![9; length]).unwrap();
        assert_eq!(whole(&key.request()), Ok(Opening::Cancel(key)));
    }
    for length in [0, 3, 257] {
        assert_eq!(CancelKey::new(7, &vec![9; length]), None);
        let body = [&7_u32.to_be_bytes()[..], &vec![9; length]].concat();
        assert_eq!(read(&first(CANCEL, &body)), Err(Malformed::Length));
    }
}

#[test]
fn a_cancel_key_does_not_show_its_secret() {
    let shown = alloc::format!("{:?}", CancelKey::new(7, &[200, 201, 202, 203]).unwrap());
    assert!(shown.contains('7') && !shown.contains("200"), "{shown}");
}

#[test]
fn impossible_lengths_are_refused_before_anything_is_awaited() {
    for length in [0_u32, 7, LONGEST as u32 + 1, u32::MAX] {
        assert_eq!(read(&length.to_be_bytes()), Err(Malformed::Length), "{length}");
    }
    assert_eq!(read(&(LONGEST as u32).to_be_bytes()), Ok(Read::Needs(HEAD)));
}

#[test]
fn another_protocol_is_refused() {
    for version in [Version { major: 2, minor: 0 }, Version { major: 4, minor: 0 }] {
        assert_eq!(read(&startup(version, PSQL)), Err(Malformed::Version(version)));
    }
}

#[test]
fn what_is_spoken_is_no_newer_than_what_is_known() {
    let settled = |minor| Version { major: 3, minor }.settled();
    assert_eq!([settled(0), settled(1)], [Version::V3_0; 2]);
    assert_eq!([settled(2), settled(3), settled(9999)], [Version::V3_2; 3]);
    assert_eq!((Version::V3_0.secret_length(), Version::V3_2.secret_length()), (4, 32));
}

#[test]
fn options_of_the_protocol_are_no_parameters() {
    let startup = login(b"user\0app\0_pq_.new\0yes\0TimeZone\0UTC\0\0").unwrap();
    assert_eq!(startup.options, ["_pq_.new"]);
    assert_eq!(startup.parameters, [("TimeZone".to_string(), "UTC".to_string())]);
}

#[test]
fn replication_is_seen_in_all_its_words() {
    let replication = |value: &str| {
        login(alloc::format!("user\0app\0replication\0{value}\0\0").as_bytes()).map(|it| it.replication)
    };
    assert_eq!(replication("database"), Ok(Replication::Logical));
    for yes in ["true", "on", "YES", "1"] {
        assert_eq!(replication(yes), Ok(Replication::Physical), "{yes}");
    }
    for no in ["false", "off", "no", "0"] {
        assert_eq!(replication(no), Ok(Replication::None), "{no}");
    }
    for unclear in ["", "tru", "logical", "Database"] {
        assert_eq!(replication(unclear), Err(Malformed::Replication), "{unclear}");
    }
}

#[test]
fn parameters_that_can_be_read_in_two_ways_are_refused() {
    let refused: [(&[u8], Malformed); 9] = [
        (b"", Malformed::Parameters),
        (b"user\0app\0", Malformed::Parameters),
        (b"user\0app", Malformed::Parameters),
        (b"user\0", Malformed::Parameters),
        (b"user\0app\0\0more\0", Malformed::Parameters),
        (b"user\0app\0user\0root\0\0", Malformed::Twice),
        (b"user\0\xff\0\0", Malformed::Text),
        (b"user\0\0\0", Malformed::Nobody),
        (b"database\0orders\0\0", Malformed::Nobody),
    ];
    for (body, why) in refused {
        assert_eq!(login(body), Err(why), "{body:?}");
    }
}

#[test]
fn a_message_is_read_the_same_wherever_it_is_cut() {
    let key = CancelKey::new(7, &[9; 32]).unwrap();
    let messages = [first(TLS, b""), first(GSS, b""), key.request().to_vec(), startup(Version::V3_2, PSQL)];
    for message in messages {
        let at_once = read(&message).unwrap();
        for cut in 0..message.len() {
            let Ok(Read::Needs(more)) = read(&message[..cut]) else { panic!("read at {cut}") };
            assert!(more > cut && more <= message.len(), "{more} at {cut}");
        }
        let followed = [&message[..], b"more"].concat();
        assert_eq!(read(&followed).unwrap(), at_once);
    }
}

#[test]
fn random_bytes_are_refused_or_read_within_bounds() {
    // A generator of its own, so that a failure comes again.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..100_000 {
        let body: Vec<u8> = (0..next() % 80).map(|_| (next() % 7) as u8 * 17).collect();
        let code = [TLS, GSS, CANCEL, Version::V3_0.into(), next() as u32][round % 5];
        let mut bytes = first(code, &body);
        if next() % 4 == 0 {
            let at = next() as usize % bytes.len();
            bytes[at] = next() as u8;
        }
        match read(&bytes) {
            Ok(Read::Whole { length, .. }) => assert!(length <= bytes.len()),
            Ok(Read::Needs(more)) => assert!(more > bytes.len() && more <= LONGEST),
            Err(_) => (),
        }
    }
}
