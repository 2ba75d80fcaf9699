//! Every way to log in: over IPv4 and IPv6, with each mode of TLS, and with channel binding where a client has it.
//! The JDBC driver does it in [`crate::clients`], where its virtual machine is started anyway.

use std::sync::Arc;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use crate::clients::{node, python};
use crate::sides::Shared;
use crate::trial;

const SHELL: &str = include_str!("clients/modes.sh");
const PYTHON: &str = include_str!("clients/modes.py");
const NODE: &str = include_str!("clients/modes.js");

pub(crate) fn trials(shared: &Arc<Shared>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, test: fn(&Shared) -> Result<()>| {
        let shared = Arc::clone(shared);
        trials.push(trial(format!("modes::{name}_by_every_way"), move || test(&shared)));
    };
    add("psql_logs_in", psql);
    add("four_python_drivers_log_in", |shared| python(shared, PYTHON));
    add("node_postgres_logs_in", |shared| node(shared, NODE));
    trials
}

fn psql(shared: &Shared) -> Result<()> {
    let seen = shared.get()?.compare(&["sh", "-c", SHELL], &[])?;
    let logged_in = |tls: &str| seen.output.lines().filter(|line| line.contains(tls)).count();
    // Of the seven modes on both addresses, times three of channel binding: `disable` and `allow` never use TLS and so
    // cannot bind, and an authority that has signed nothing is never trusted.
    ensure!(logged_in("tls=0 42|agent") == 8, "without TLS:\n{}", seen.output);
    ensure!(logged_in("tls=1 42|agent") == 24, "with TLS:\n{}", seen.output);
    ensure!(seen.output.matches("certificate verify failed").count() == 6, "{}", seen.output);
    Ok(())
}
