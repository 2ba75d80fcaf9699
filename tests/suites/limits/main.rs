//! What rules bound and require, on the wire before a real server: too much of a result, too long, too many, and the
//! wrong transaction are ended with an error in their place, and the session goes on.

mod bounds;
mod moments;
mod scene;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};

use scene::{Scene, Shared};

/// A name, and what is to be tried.
type Test = (&'static str, fn(&Scene) -> Result<()>);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let shared = Arc::new(Shared::default());
    let trial = |(name, test): Test| {
        let shared = Arc::clone(&shared);
        Trial::test(name, move || Ok(test(shared.get()?)?))
    };
    let trials = [bounds::TESTS, moments::TESTS].concat().into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
