//! What clients do, and how fast that goes.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::ways::{Bench, Way};

/// The rows of one scan, which pgbench drops as they come: the cheapest client there is.
const SCAN: &str = "select * from wide limit 100000;\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Simple,
    Extended,
    Prepared,
}

impl Protocol {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Extended => "extended",
            Self::Prepared => "prepared",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// One row by its key, with so many clients.
    Statements(Protocol, u32),
    /// Transactions of seven statements, eight clients.
    Transactions,
    /// A login for each statement, eight clients.
    Logins,
    /// Bulk, one client.
    Scan,
    Select,
    CopyOut,
    CopyIn,
}

pub(super) const LOADS: [Load; 12] = [
    Load::Statements(Protocol::Simple, 1),
    Load::Statements(Protocol::Extended, 1),
    Load::Statements(Protocol::Prepared, 1),
    Load::Statements(Protocol::Simple, 8),
    Load::Statements(Protocol::Extended, 8),
    Load::Statements(Protocol::Prepared, 8),
    Load::Transactions,
    Load::Logins,
    Load::Scan,
    Load::Select,
    Load::CopyOut,
    Load::CopyIn,
];

/// One round, in units: statements, transactions, logins or megabytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) per_second: f64,
    /// How long a client waited, in microseconds.
    pub(super) latency: f64,
    /// Of the processes in between, in seconds.
    pub(super) cpu_per_unit: f64,
}

impl Load {
    pub(super) fn run(self, bench: &Bench, way: Way, seconds: u32) -> Result<Sample> {
        let run = || match self {
            Self::Statements(protocol, clients) => {
                let clients = clients.to_string();
                pgbench(bench, way, seconds, &["-S", "-M", protocol.name(), "-c", &clients])
            }
            Self::Transactions => pgbench(bench, way, seconds, &["-c", "8"]),
            Self::Logins => pgbench(bench, way, seconds, &["-S", "-C", "-c", "8"]),
            Self::Scan => scan(bench, way, seconds),
            Self::Select => bulk(bench, way, "select * from wide limit 300000", "300000"),
            Self::CopyOut => bulk(bench, way, "copy wide to stdout", "500000"),
            Self::CopyIn => copy_in(bench, way),
        };
        run().with_context(|| format!("{self:?}, {}", way.name()))
    }
}

fn pgbench(bench: &Bench, way: Way, seconds: u32, how: &[&str]) -> Result<Sample> {
    let before = bench.cpu_seconds(way)?;
    let mut command = bench.client(way, "/usr/bin/pgbench");
    let output = command.args(["-n", "-j", "1", "-T", &seconds.to_string()]).args(how).output()?;
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    let number = |label: &str| -> Result<f64> {
        let line = said.lines().find_map(|line| line.strip_prefix(label));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).with_context(|| format!("pgbench does not say {label}"))
    };
    let done = number("number of transactions actually processed:")?;
    ensure!(done > 0.0, "not one transaction");
    Ok(Sample {
        per_second: number("tps =")?,
        latency: number("latency average =")? * 1000.0,
        cpu_per_unit: (bench.cpu_seconds(way)? - before) / done,
    })
}

fn scan(bench: &Bench, way: Way, seconds: u32) -> Result<Sample> {
    let script = bench.dir.join("scan.sql");
    std::fs::write(&script, SCAN)?;
    let script = script.to_str().context("a path that is not text")?;
    let one = pgbench(bench, way, seconds, &["-f", script, "-c", "1"])?;
    let megabytes = megabytes(bench, "100000")?;
    Ok(Sample {
        per_second: one.per_second * megabytes,
        latency: one.latency,
        cpu_per_unit: one.cpu_per_unit / megabytes,
    })
}

/// psql throws away what it has written out.
fn bulk(bench: &Bench, way: Way, statement: &str, rows: &str) -> Result<Sample> {
    let megabytes = megabytes(bench, rows)?;
    timed(bench, way, megabytes, &["-c", statement, "-o", "/dev/null"])
}

fn copy_in(bench: &Bench, way: Way) -> Result<Sample> {
    let file = bench.dir.join("rows");
    if !file.exists() {
        let rows = bench.ask("copy (select * from wide limit 100000) to stdout")?;
        std::fs::write(&file, rows + "\n")?;
    }
    bench.ask("truncate copied")?;
    let megabytes = megabytes(bench, "100000")?;
    timed(bench, way, megabytes, &["-c", &format!("\\copy copied from {}", file.display())])
}

fn timed(bench: &Bench, way: Way, megabytes: f64, args: &[&str]) -> Result<Sample> {
    let before = bench.cpu_seconds(way)?;
    let begun = Instant::now();
    let output = bench.client(way, "/usr/bin/psql").args(["-XAtq"]).args(args).output()?;
    let took = begun.elapsed().as_secs_f64();
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(Sample {
        per_second: megabytes / took,
        latency: took * 1e6,
        cpu_per_unit: (bench.cpu_seconds(way)? - before) / megabytes,
    })
}

/// How much so many rows are as text.
fn megabytes(bench: &Bench, rows: &str) -> Result<f64> {
    let sum =
        "sum(length(email) + length(name) + length(ssn) + length(card) + length(addr) + length(note) + 6)";
    let bytes: f64 = bench.ask(&format!("select {sum} from (select * from wide limit {rows}) w"))?.parse()?;
    Ok(bytes / 1e6)
}
