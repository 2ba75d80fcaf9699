//! What a verifier reads: records, checkpoints and keys that somebody may have made up.

use gateway_audit::chain::{Chain, Hash, Record};
use gateway_audit::checkpoint::{self, Checkpoint, PublicKey};

use crate::Target;

const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

pub const TARGET: Target = Target {
    name: "records",
    run,
    corpus: &[
        KEY.as_bytes(),
        b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        br#"{"at":"2026-01-01T00:00:00Z","event":"started","prev":"0000000000000000000000000000000000000000000000000000000000000000","seq":0,"version":"1"}"#,
        "postern/host\n12\nungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\n2026-01-01T00:00:00Z\n\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n".as_bytes(),
    ],
};

pub fn run(bytes: &[u8]) {
    if let Some(chain) = Chain::after(bytes) {
        assert!(!chain.leads_to(bytes), "no record follows itself");
    }
    let _ = serde_json::from_slice::<Record>(bytes);
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Ok(hash) = text.parse::<Hash>() {
        assert_eq!(hash.to_string(), text, "a hash has one form");
    }
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string().parse().as_ref(), Ok(&key));
    }
    let notes = checkpoint::notes(text);
    let Ok(key) = KEY.parse::<PublicKey>() else { return };
    for note in &notes {
        let refused = Checkpoint::open(note, std::slice::from_ref(&key), &|_, _, _| false);
        assert!(refused.is_err(), "nothing is believed without a signature");
    }
}
