//! Unmodified clients of PostgreSQL see through the gateway what they see without it.
//!
//! One program for each client, run twice: outside every agent straight to the server, and in an agent's cgroup through
//! the gateway. What it prints must be the same. The server and the gateway are started once, by the first test that
//! needs them.

mod clients;
mod drivers;
mod dump;
mod modes;
mod servers;
mod sides;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use sides::Shared;

fn main() -> anyhow::Result<ExitCode> {
    if let Some(driver) = drivers::asked_for() {
        return driver().map(|()| ExitCode::SUCCESS);
    }
    let arguments = Arguments::from_args();
    let shared = Arc::new(Shared::default());
    let mut trials = servers::trials();
    trials.extend(clients::trials(&shared));
    trials.extend(modes::trials(&shared));
    trials.push(dump::trial());
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

/// A test of this suite.
fn trial(name: impl Into<String>, test: impl FnOnce() -> anyhow::Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || Ok(test()?))
}
