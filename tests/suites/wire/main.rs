//! PostgreSQL's protocol byte by byte: everything a client may say, through the gateway and past it with the same
//! answers; and what no client may say, which harms nobody but the one who says it.

mod conversation;
mod faults;
mod messages;
mod openings;
mod scene;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};

use scene::{Scene, Shared};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let shared = Arc::new(Shared::default());
    let tests = [openings::TESTS, messages::TESTS, conversation::TESTS, faults::TESTS].concat();
    let trials = tests.into_iter().map(|(name, test)| trial(&shared, name, test)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A name, and what is to be tried.
type Test = (&'static str, fn(&Scene) -> Result<()>);

/// Whatever is tried, another session of the same agent goes on as if nothing had been.
fn trial(shared: &Arc<Shared>, name: &str, test: fn(&Scene) -> Result<()>) -> Trial {
    let shared = Arc::clone(shared);
    Trial::test(name, move || {
        let scene = shared.get()?;
        test(scene)?;
        Ok(scene.bystander_is_unharmed()?)
    })
}
