//! What real clients and a real server said.

use alloc::vec::Vec;

use super::super::Limits;
use super::script::Relay;
use crate::conversation::Side;

const RECORDED: [(&str, &[u8]); 9] = [
    ("psql", include_bytes!("../../../../recorded/postgres/psql.rec")),
    ("psycopg", include_bytes!("../../../../recorded/postgres/psycopg.rec")),
    ("asyncpg", include_bytes!("../../../../recorded/postgres/asyncpg.rec")),
    ("pgbench simple", include_bytes!("../../../../recorded/postgres/pgbench-simple.rec")),
    ("pgbench extended", include_bytes!("../../../../recorded/postgres/pgbench-extended.rec")),
    ("pgbench prepared", include_bytes!("../../../../recorded/postgres/pgbench-prepared.rec")),
    ("pgbench pipeline", include_bytes!("../../../../recorded/postgres/pgbench-pipeline.rec")),
    ("copies", include_bytes!("../../../../recorded/postgres/copies.rec")),
    ("batches", include_bytes!("../../../../recorded/postgres/batches.rec")),
];

fn bursts(mut recording: &'static [u8]) -> Vec<(Side, &'static [u8])> {
    let mut bursts = Vec::new();
    while let Some((&[side, a, b, c, d], rest)) = recording.split_first_chunk() {
        let (bytes, rest) = rest.split_at(u32::from_be_bytes([a, b, c, d]) as usize);
        bursts.push((if side == b'>' { Side::Agent } else { Side::Target }, bytes));
        recording = rest;
    }
    bursts
}

fn said(bursts: &[(Side, &[u8])], by: Side) -> Vec<u8> {
    bursts.iter().filter(|(side, _)| *side == by).flat_map(|(_, bytes)| bytes.iter().copied()).collect()
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

#[test]
fn real_conversations_pass_however_they_are_split() {
    for (name, recording) in RECORDED {
        let bursts = bursts(recording);
        let played = |step: usize| {
            let mut relay = Relay::new(Limits::default());
            for (side, bytes) in &bursts {
                bytes.chunks(step).for_each(|part| relay.hear(*side, part));
            }
            relay.over()
        };
        let whole = played(usize::MAX);
        for step in [1, 2, 3, 7, 64] {
            assert_eq!(whole, played(step), "{name} in steps of {step}");
        }
        let (to_target, to_agent, court, broken) = whole;
        assert_eq!(broken, None, "{name}");
        assert!(!contains(&to_agent, b"postern refused"), "{name}");
        assert!(!contains(&to_target, b"forbidden"), "{name}");
        assert!(!court.iter().any(|heard| heard.ends_with("nothing")), "{name}: {court:?}");
        let nothing_changes = !contains(recording, b"forbidden") && !contains(recording, b"shown");
        assert!(!nothing_changes || to_agent == said(&bursts, Side::Target), "{name}");
        // Of batches that fail, what the target would skip is not sent.
        assert!(!nothing_changes || name == "batches" || to_target == said(&bursts, Side::Agent), "{name}");
    }
}
