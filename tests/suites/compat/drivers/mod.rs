//! Drivers for Rust: clients that this suite is itself, when it is started as one.

mod sqlx;
mod tokio_postgres;

use anyhow::{Context, Result};

/// Names the driver in the environment.
pub(crate) const ASKED: &str = "COMPAT_DRIVER";

/// What to do instead of testing.
pub(crate) fn asked_for() -> Option<fn() -> Result<()>> {
    match std::env::var(ASKED).ok()?.as_str() {
        "tokio-postgres" => Some(|| block_on(tokio_postgres::run())),
        "sqlx" => Some(|| block_on(sqlx::run())),
        _ => None,
    }
}

fn block_on(client: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(client)
}

/// A word of the environment that clients of PostgreSQL read.
fn word(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set"))
}
