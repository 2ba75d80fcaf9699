//! Bytes that make little sense, and sense that is cut and mixed.

use alloc::vec::Vec;

use super::super::Limits;
use super::script::Relay;
use crate::conversation::Side;

/// The same sequence for the same seed, so that a failure can be seen again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }
}

const KINDS: &[u8] = b"QPBDECHSdcfFXZTDCEIs123ntGHcNASW\0\xff";

fn message(dice: &mut Dice) -> Vec<u8> {
    let mut body: Vec<u8> = (0..dice.below(24)).map(|_| b"\0\0\0\x01\x02aSPIT:\""[dice.below(12)]).collect();
    if dice.below(3) > 0 {
        body.push(0);
    }
    let lie = if dice.below(10) == 0 { dice.below(9) as u32 } else { 4 };
    let mut message = [KINDS[dice.below(KINDS.len())]].to_vec();
    message.extend_from_slice(&(body.len() as u32 + lie).to_be_bytes());
    message.extend(body);
    message
}

#[test]
fn no_bytes_make_it_panic_and_no_split_makes_a_difference() {
    for seed in 1..2_000_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let bursts: Vec<_> = (0..dice.below(12))
            .map(|_| {
                let side = if dice.below(2) == 0 { Side::Agent } else { Side::Target };
                (side, (0..dice.below(4)).flat_map(|_| message(&mut dice)).collect::<Vec<_>>())
            })
            .collect();
        let played = |step: usize| {
            let mut relay = Relay::new(Limits { unanswered: 6, message: 64, ..Limits::default() });
            for (side, bytes) in &bursts {
                bytes.chunks(step).for_each(|part| relay.hear(*side, part));
            }
            relay.over()
        };
        assert_eq!(played(usize::MAX), played(1), "seed {seed}");
        assert_eq!(played(usize::MAX), played(3), "seed {seed}");
    }
}
