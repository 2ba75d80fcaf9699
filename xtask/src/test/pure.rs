//! Tests that need neither privilege nor a kernel object: unit tests of every crate.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::command;
use crate::product::OBJECT_VARIABLE;
use crate::tally::Tally;

/// Runs them with `object` built in if there is one, so that a full run compiles the product once.
pub(super) fn run(object: Option<&Path>, pass: &[String]) -> Result<Tally> {
    let mut tally = Tally::default();
    for what in [["--workspace", "--exclude=gateway-e2e"], ["--package=gateway-e2e", "--lib"]] {
        let mut cargo = command::product_cargo()?;
        cargo.args(["test", "--locked", "--no-fail-fast"]).args(what).arg("--").args(pass);
        if let Some(object) = object {
            cargo.env(OBJECT_VARIABLE, object);
        }
        tally.add(run_and_count(&mut cargo)?);
    }
    Ok(tally)
}

/// Runs test binaries, shows what they print and counts their results.
pub(super) fn run_and_count(tests: &mut Command) -> Result<Tally> {
    let line = command::line(tests);
    let mut child = tests.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{line}`"))?;
    let stdout = child.stdout.take().context("a test has no standard output")?;
    let mut output = String::new();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        output.push_str(&line);
        output.push('\n');
    }
    Ok(Tally::of_libtest(&output, child.wait()?.success()))
}
