//! Changes bytes by chance, the same way for the same seed.

/// Values at which lengths and counts go wrong.
const EDGES: [u32; 10] = [0, 1, 3, 4, 5, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
/// Mutations grow no further.
const LONGEST: usize = 1 << 16;

#[derive(Debug, Clone)]
pub struct Mutator {
    state: u64,
}

impl Mutator {
    pub fn new(seed: u64) -> Self {
        // Xorshift never leaves zero.
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    fn roll(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        let roll = usize::try_from(self.roll() >> 33).unwrap_or_default();
        roll.checked_rem(end).unwrap_or_default()
    }

    /// A few changes to one of the corpus.
    pub fn mutation(&mut self, corpus: &[&[u8]]) -> Vec<u8> {
        let mut bytes = self.one_of(corpus).to_vec();
        for _ in 0..=self.below(6) {
            self.change(&mut bytes, corpus);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn one_of<'a>(&mut self, corpus: &[&'a [u8]]) -> &'a [u8] {
        corpus.get(self.below(corpus.len())).copied().unwrap_or_default()
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[&[u8]]) {
        let at = self.below(bytes.len().saturating_add(1));
        match self.below(7) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, self.byte()),
            2 => {
                let end = at.saturating_add(self.below(16)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let other = self.one_of(corpus);
                let from = self.below(other.len());
                let to = from.saturating_add(self.below(64)).min(other.len());
                bytes.splice(at..at, other.get(from..to).unwrap_or_default().iter().copied());
            }
            4 => {
                let edge = EDGES.get(self.below(EDGES.len())).copied().unwrap_or_default();
                self.overwrite(bytes, at, &edge.to_be_bytes());
            }
            5 => {
                let flip = 1_u8 << self.below(8);
                bytes.get_mut(at..).and_then(<[u8]>::first_mut).into_iter().for_each(|byte| *byte ^= flip);
            }
            _ => {
                let byte = self.byte();
                self.overwrite(bytes, at, &[byte]);
            }
        }
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }

    fn overwrite(&mut self, bytes: &mut [u8], at: usize, new: &[u8]) {
        bytes.iter_mut().skip(at).zip(new).for_each(|(byte, new)| *byte = *new);
    }
}
