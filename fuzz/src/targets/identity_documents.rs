//! What a provider of identities publishes: its keys, and what it says of itself.

use gateway_protocols::jose::Algorithm;
use gateway_protocols::jose::{discovery, keys};

use crate::Target;

pub const TARGET: Target = Target {
    name: "identity_documents",
    run,
    corpus: &[
        br#"{"keys":[{"kty":"EC","use":"sig","kid":"k1","alg":"ES256","crv":"P-256","x":"dd0aSjfOrZLbeuYaIuqbdMRYUPjoCARAoK__8ppkx8E","y":"6csEnPbKbm1tN8qVdZ0RD3Dk02px4cjngeIbHfk5UdA"}]}"#,
        br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"dd0aSjfOrZLbeuYaIuqbdMRYUPjoCARAoK__8ppkx8E","key_ops":["verify"]},{"kty":"oct","k":"AQ"}]}"#,
        br#"{"issuer":"https://i","jwks_uri":"https://i/k","token_endpoint":"https://i/t","nested":{"a":[1,2.5e3,"\ud83d\ude00",null,true]}}"#,
    ],
};

pub fn run(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Ok(keys) = keys::read(text) {
        for key in keys {
            let fitting = Algorithm::ALL.into_iter().filter(|algorithm| key.suits(*algorithm)).count();
            assert!(fitting <= 2, "a key is of one kind");
        }
    }
    if let Ok(found) = discovery::read(text, "https://i") {
        assert!(text.contains("jwks_uri") || text.contains("\\u"), "{} is made up", found.keys);
    }
}
