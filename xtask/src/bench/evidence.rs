//! What a record costs: processor, disk, and time to verify it.

use anyhow::{Context, Result};

use super::table::{Table, Target};
use crate::command;

pub(super) fn measure() -> Result<Table> {
    let printed = command::output(command::cargo().args([
        "test",
        "--quiet",
        "--release",
        "-p",
        "gateway-userspace",
        "--features",
        "measure",
        "audit::measure",
        "--",
        "--nocapture",
    ]))?;
    let figure = |name: &str| -> Result<f64> {
        let line =
            printed.lines().find_map(|line| line.split_once('\t').filter(|(found, _)| found.ends_with(name)));
        let (_, value) = line.with_context(|| format!("the measurement does not tell of {name}"))?;
        value.parse().context("a figure is no number")
    };
    let mut table = Table::default();
    let alone = figure("one durable statement alone, us")?;
    let sync = figure("a sync of this disk, us")?;
    let cpu = figure("CPU of a statement that is not waited for, us")?;
    table.judge("CPU of a statement that is not waited for", cpu, "us", Target::AtMost(3.0));
    let many = figure("durable statements a second")?;
    table.judge("durable statements, 128 sessions", many, "/s", Target::AtLeast(20_000.0));
    table.judge("one durable statement beside a sync of the disk", alone / sync, "x", Target::AtMost(1.5));
    table.judge("verification", figure("verified, MB/s")?, "MB/s", Target::AtLeast(200.0));
    Ok(table)
}
