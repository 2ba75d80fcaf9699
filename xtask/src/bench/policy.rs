//! What a verdict costs: rules alone, with few of them and with many.

use anyhow::{Context, Result};

use super::table::{Table, Target};
use crate::command;

/// Nanoseconds that each figure may have.
const MOST: [(&str, f64); 4] = [
    ("a verdict that is kept", 1000.0),
    ("a join of 10 columns, 10 rules", 2000.0),
    ("a join of 10 columns, 1000 rules", 5000.0),
    ("a join of 10 columns, 1000 rules of patterns", 5000.0),
];

pub(super) fn measure() -> Result<Table> {
    let printed = command::output(command::cargo().args([
        "bench",
        "--quiet",
        "--package=gateway-policy",
        "--bench=verdict",
    ]))?;
    let mut table = Table::default();
    for (name, most) in MOST {
        let line = printed.lines().find_map(|line| line.split_once('\t').filter(|(found, _)| *found == name));
        let (_, value) = line.with_context(|| format!("the benchmark does not tell of {name}"))?;
        table.judge(name, value.parse().context("a figure is no number")?, "ns", Target::AtMost(most));
    }
    Ok(table)
}
