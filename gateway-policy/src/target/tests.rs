use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::*;

/// name, hosts, ports
type Row = (&'static str, &'static [&'static str], &'static [u16]);

const TARGETS: &[Row] = &[
    ("orders", &["db.example.com", "10.0.0.5"], &[5432]),
    ("orders-ro", &["db-ro.example.com"], &[5432]),
    ("wide", &["10.0.0.0/8", "fd00::/8"], &[5432, 443]),
    ("narrow", &["10.1.0.0/16"], &[5432]),
    ("everywhere", &["0.0.0.0/0", "::/0"], &[80]),
    ("local", &["127.0.0.1", "::1"], &[9000]),
    ("twin-a", &["192.0.2.1"], &[22]),
    ("twin-b", &["192.0.2.1"], &[22]),
    ("metadata", &["169.254.169.0/24"], &[80]),
];

fn targets(rows: &[Row]) -> BTreeMap<String, Target> {
    rows.iter()
        .map(|(name, hosts, ports)| {
            let hosts = hosts.iter().map(|host| TargetHost::parse(host).expect(host)).collect();
            (name.to_string(), Target { protocol: Protocol::Tcp, hosts, ports: ports.to_vec() })
        })
        .collect()
}

fn allowed(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn ask(may: &[&str], destination: &str, asked: &[(&str, u64)]) -> Result<String, NoMatch> {
    let names: Vec<(HostName, u64)> =
        asked.iter().map(|(name, at)| (HostName::parse(name).expect(name), *at)).collect();
    let destination: SocketAddr = destination.parse().expect(destination);
    let mut asked: Vec<AskedName<'_>> =
        names.iter().map(|(name, asked_at)| AskedName { name, asked_at: *asked_at }).collect();
    let answer = match_target(&targets(TARGETS), &allowed(may), destination, &asked);
    asked.reverse();
    let mut backwards = allowed(may);
    backwards.reverse();
    assert_eq!(answer, match_target(&targets(TARGETS), &backwards, destination, &asked), "order mattered");
    answer.map(|name| name.to_string())
}

#[test]
fn a_destination_is_the_one_target_that_fits_it_best() {
    use NoMatch::*;
    type Case = (
        &'static [&'static str],
        &'static str,
        &'static [(&'static str, u64)],
        Result<&'static str, NoMatch>,
    );
    let table: &[Case] = &[
        // An address, its port, and nothing else.
        (&["orders"], "10.0.0.5:5432", &[], Ok("orders")),
        (&["orders"], "10.0.0.5:5433", &[], Err(NoTarget)),
        (&["orders"], "192.168.0.1:5432", &[], Err(NoTarget)),
        // A name counts only when this agent asked for it.
        (&["orders"], "203.0.113.9:5432", &[("db.example.com", 1)], Ok("orders")),
        (&["orders"], "203.0.113.9:5432", &[], Err(NoTarget)),
        (&["orders"], "203.0.113.9:22", &[("db.example.com", 1)], Err(NoTarget)),
        // The name asked for last says what was meant.
        (
            &["orders", "orders-ro"],
            "203.0.113.9:5432",
            &[("db.example.com", 1), ("db-ro.example.com", 2)],
            Ok("orders-ro"),
        ),
        (
            &["orders", "orders-ro"],
            "203.0.113.9:5432",
            &[("db.example.com", 3), ("db-ro.example.com", 2)],
            Ok("orders"),
        ),
        (
            &["orders", "orders-ro"],
            "203.0.113.9:5432",
            &[("db.example.com", 2), ("db-ro.example.com", 2)],
            Err(Ambiguous),
        ),
        // A name beats an address, an address a network, a longer prefix a shorter one.
        (&["orders", "orders-ro"], "10.0.0.5:5432", &[("db-ro.example.com", 1)], Ok("orders-ro")),
        (&["orders", "wide"], "10.0.0.5:5432", &[], Ok("orders")),
        (&["wide", "narrow"], "10.1.2.3:5432", &[], Ok("narrow")),
        (&["wide", "narrow"], "10.2.2.3:5432", &[], Ok("wide")),
        // A closer target of somebody else closes the wide door.
        (&["wide"], "10.0.0.5:5432", &[], Err(NotForThisAgent)),
        (&["wide"], "10.1.2.3:5432", &[], Err(NotForThisAgent)),
        (&["wide"], "10.0.0.5:443", &[], Ok("wide")),
        (&[], "10.0.0.5:5432", &[], Err(NotForThisAgent)),
        // Two targets at one address: clear for who has one of them, ambiguous for who has both.
        (&["twin-a"], "192.0.2.1:22", &[], Ok("twin-a")),
        (&["twin-a", "twin-b"], "192.0.2.1:22", &[], Err(Ambiguous)),
        (&["orders"], "192.0.2.1:22", &[], Err(NotForThisAgent)),
        // IPv6, and IPv4 inside it.
        (&["wide"], "[fd12::1]:443", &[], Ok("wide")),
        (&["wide"], "[::ffff:10.2.2.3]:443", &[], Ok("wide")),
        (&["orders"], "[::ffff:10.0.0.5]:5432", &[], Ok("orders")),
        // The host itself is reached only by who names it.
        (&["local"], "127.0.0.1:9000", &[], Ok("local")),
        (&["local"], "0.0.0.0:9000", &[], Ok("local")),
        (&["local"], "[::]:9000", &[], Ok("local")),
        (&["everywhere"], "198.51.100.1:80", &[], Ok("everywhere")),
        (&["everywhere"], "[2001:db8::1]:80", &[], Ok("everywhere")),
        (&["everywhere"], "127.0.0.1:80", &[], Err(NoTarget)),
        (&["everywhere"], "127.9.9.9:80", &[], Err(NoTarget)),
        (&["everywhere"], "0.0.0.0:80", &[], Err(NoTarget)),
        (&["everywhere"], "[::1]:80", &[], Err(NoTarget)),
        (&["everywhere"], "[::ffff:127.0.0.1]:80", &[], Err(NoTarget)),
        (&["everywhere"], "[fe80::1]:80", &[], Err(NoTarget)),
        (&["everywhere"], "169.254.1.1:80", &[], Err(NoTarget)),
        (&["metadata"], "169.254.169.254:80", &[], Ok("metadata")),
    ];
    for (may, destination, asked, expected) in table {
        assert_eq!(
            ask(may, destination, asked).as_deref(),
            expected.as_ref().copied(),
            "{may:?} to {destination} after {asked:?}"
        );
    }
}

#[test]
fn an_agent_may_look_up_the_exact_names_of_its_own_targets() {
    let long = alloc::format!("{}.db.example.com", "a".repeat(64));
    let table = [
        ("db.example.com", true),
        ("DB.Example.COM.", true),
        ("db-ro.example.com", false),
        ("secret.db.example.com", false),
        ("example.com", false),
        ("db.example.com..", false),
        ("", false),
        (".", false),
        ("db.example.com\0", false),
        ("10.0.0.5", false),
        (long.as_str(), false),
    ];
    for (name, expected) in table {
        assert_eq!(
            dns_name_allowed(&targets(TARGETS), &allowed(&["orders", "wide"]), name),
            expected,
            "{name}"
        );
    }
}

#[test]
fn hosts_are_read_into_one_spelling() {
    let table = [
        ("DB.Example.com.", "db.example.com"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("2001:DB8::1", "2001:db8::1"),
        ("_srv.internal", "_srv.internal"),
    ];
    for (text, expected) in table {
        assert_eq!(TargetHost::parse(text).map(|host| host.to_string()).as_deref(), Ok(expected));
    }
}

#[test]
fn a_host_that_could_be_misread_is_none() {
    use HostError::*;
    let table = [
        ("", Name),
        ("a b", Name),
        ("-a.example.com", Name),
        ("a..b", Name),
        ("*.example.com", Wildcard),
        ("10.0.0.256", LooksLikeAddress),
        ("127.1", LooksLikeAddress),
        ("a.0x7f", LooksLikeAddress),
        ("fd00::zz", LooksLikeAddress),
        ("db.example.com:5432", HasPort),
        ("[::1]:5432", HasPort),
        ("https://example.com", HasPort),
        ("10.0.0.0/33", Network),
        ("10.0.0.5/8", HostBits("10.0.0.0/8".parse().expect("network"))),
    ];
    for (text, expected) in table {
        assert_eq!(TargetHost::parse(text), Err(expected), "{text}");
    }
    let long = alloc::vec!["a"; 128].join(".");
    assert_eq!(TargetHost::parse(&long), Err(Name));
}

#[test]
fn names_of_targets_have_bounds() {
    for (text, good) in
        [("a", true), ("orders-ro-2", true), ("", false), ("Orders", false), ("a_b", false), ("é", false)]
    {
        assert_eq!(TargetName::parse(text).is_some(), good, "{text}");
    }
    assert!(is_policy_name(&"a".repeat(63)) && !is_policy_name(&"a".repeat(64)));
}
