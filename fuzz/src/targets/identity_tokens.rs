//! Identity tokens before their signature is looked at, and what their claims come to.

use gateway_protocols::jose::claims::Expected;
use gateway_protocols::jose::token::Unverified;

use crate::Target;

const LONGEST: usize = 4096;

pub const TARGET: Target = Target {
    name: "identity_tokens",
    run,
    corpus: &[
        b"eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsxIn0.eyJncm91cHMiOlsiZGJhIl0sInN1YiI6ImNvZGVyIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDAzMDAsImNsaWVudF9pZCI6ImNvZGVyIiwiaXNzIjoiaHR0cHM6Ly9pIiwiYXVkIjoicG9zdGVybiJ9.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ",
        b"eyJhbGciOiJub25lIn0.e30.",
        b"eyJhbGciOiJFUzI1NiIsImp3ayI6e319.e30.AQ",
    ],
};

pub fn run(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let Ok(token) = Unverified::read(text, LONGEST) else { return };
    assert!(text.len() <= LONGEST && text.split('.').count() == 3, "a token has three parts");
    let expected = Expected {
        issuer: "https://i".into(),
        audience: ["postern".into()].into(),
        kinds: [Some("at+jwt".into())].into(),
        clients: Vec::new(),
        require: Vec::new(),
        groups: "groups".into(),
        leeway: 30,
        oldest: 3600,
    };
    for now in [0, 1_700_000_100, u64::MAX] {
        if let Ok(claims) = expected.check(&token, now) {
            assert!(!claims.subject.is_empty() && now != u64::MAX, "nothing holds for ever");
        }
    }
}
