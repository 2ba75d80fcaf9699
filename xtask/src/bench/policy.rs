//! What a verdict costs: rules alone, with few of them and with many, and the way from a statement's text.

use anyhow::{Context, Result};

use super::table::{Table, Target};
use crate::command;

/// A program that prints figures.
struct Benchmark {
    package: &'static str,
    name: &'static str,
    /// Its figures, with the nanoseconds that they may have.
    figures: &'static [(&'static str, f64)],
}

const BENCHMARKS: [Benchmark; 2] = [
    Benchmark {
        package: "gateway-policy",
        name: "verdict",
        figures: &[
            ("a verdict that is kept", 1000.0),
            ("a join of 10 columns, 10 rules", 2000.0),
            ("a join of 10 columns, 1000 rules", 5000.0),
            ("a join of 10 columns, 1000 rules of patterns", 5000.0),
        ],
    },
    Benchmark {
        package: "gateway-sql",
        name: "statement",
        figures: &[
            ("a text that was read before, to its verdict", 1000.0),
            ("a join of 10 columns, read and judged", 15_000.0),
            ("1 MiB of values, read and judged", 1e9),
        ],
    },
];

pub(super) fn measure() -> Result<Table> {
    let mut table = Table::default();
    for Benchmark { package, name: bench, figures } in BENCHMARKS {
        let printed =
            command::output(command::cargo().args(["bench", "--quiet", "-p", package, "--bench", bench]))?;
        for (name, most) in figures {
            let line =
                printed.lines().find_map(|line| line.split_once('\t').filter(|(found, _)| found == name));
            let (_, value) = line.with_context(|| format!("the benchmark does not tell of {name}"))?;
            table.judge(name, value.parse().context("a figure is no number")?, "ns", Target::AtMost(*most));
        }
    }
    Ok(table)
}
