//! Names and patterns, as the configuration writes them and agents ask for them.

use gateway_policy::agent::{CgroupPattern, SlicePattern, UnitPattern};
use gateway_policy::target::{HostName, TargetHost, TargetName};

use crate::Target;

pub const TARGET: Target = Target {
    name: "policy_names",
    run,
    corpus: &[
        b"/agents.slice/coder-*",
        b"coder@*.service",
        b"agents-coding.slice",
        b"db.example.com",
        b"10.0.0.0/8",
        b"2001:db8::1",
        b"::ffff:10.0.0.1",
        b"orders-db",
    ],
};

pub fn run(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let _ = (
        SlicePattern::parse(text),
        UnitPattern::parse(text),
        TargetName::parse(text),
        TargetHost::parse(text),
    );
    if let Ok(pattern) = CgroupPattern::parse(text)
        && !text.contains('*')
    {
        assert!(pattern.matches(text), "a pattern without a star matches itself: {text}");
    }
    if let Ok(name) = HostName::parse(text) {
        assert_eq!(HostName::parse(name.as_str()).ok().as_ref(), Some(&name));
    }
}
