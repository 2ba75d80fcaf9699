//! Every parser of hostile bytes as a function of bytes.
//!
//! A target must come back from any bytes without a panic, and what it asserts must hold for all of them. The test of
//! this crate drives each over mutations of real bytes, the same ones in every run, so that it can stand in CI. For a
//! search without end, hand `targets::NAME::run` to libFuzzer (`cargo fuzz`) with the recordings as its corpus.

mod mutate;
pub mod targets;

pub use mutate::Mutator;

/// Something that reads bytes, and real ones to begin with.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    pub corpus: &'static [&'static [u8]],
}
