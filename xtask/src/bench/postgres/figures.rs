//! What the samples say, beside what they ought to.

use anyhow::{Context, Result};

use super::Samples;
use super::load::{Load, Protocol, Sample};
use super::ways::{WAYS, Way};
use crate::bench::table::{Table, Target, median};

const PROTOCOLS: [Protocol; 3] = [Protocol::Simple, Protocol::Extended, Protocol::Prepared];

pub(super) fn fill(table: &mut Table, samples: &Samples) -> Result<()> {
    for protocol in PROTOCOLS {
        one_client(table, samples, protocol)?;
    }
    for protocol in PROTOCOLS {
        eight_clients(table, samples, protocol)?;
    }
    let transactions = Load::Transactions;
    for way in WAYS {
        let name = format!("transactions of seven statements, 8 clients, {}", way.name());
        note_rate(table, samples, transactions, way, &name)?;
    }
    bulk(table, samples)?;
    logins(table, samples)
}

pub(super) fn fill_idle(table: &mut Table, idle: &[(Way, f64)]) {
    for (way, kib) in idle {
        let name = format!("memory for each idle connection, {}", way.name());
        match way {
            Way::Postern => table.judge(&name, *kib, "KiB", Target::AtMost(24.0)),
            Way::Direct | Way::Pgbouncer | Way::Haproxy => table.note(&name, *kib, "KiB"),
        }
    }
}

fn one_client(table: &mut Table, samples: &Samples, protocol: Protocol) -> Result<()> {
    let load = Load::Statements(protocol, 1);
    let direct = of(samples, load, Way::Direct)?;
    let name = protocol.name();
    table.note(&format!("{name}, 1 client, direct"), median(map(direct, |one| one.latency)), "µs");
    for way in [Way::Pgbouncer, Way::Haproxy, Way::Postern] {
        let rounds = of(samples, load, way)?;
        let added = rounds.iter().zip(direct).map(|(one, direct)| one.latency - direct.latency).collect();
        let what = format!("{name}, 1 client, added by {}", way.name());
        match way {
            Way::Postern => table.judge(&what, median(added), "µs", Target::AtMost(45.0)),
            Way::Direct | Way::Pgbouncer | Way::Haproxy => table.note(&what, median(added), "µs"),
        }
    }
    Ok(())
}

fn eight_clients(table: &mut Table, samples: &Samples, protocol: Protocol) -> Result<()> {
    let load = Load::Statements(protocol, 8);
    let name = protocol.name();
    let pgbouncer = ratio(samples, load, Way::Pgbouncer)?;
    for way in WAYS {
        let what = format!("{name}, 8 clients, {}", way.name());
        match way {
            Way::Postern => {
                let ratio = ratio(samples, load, way)?;
                table.judge(&format!("{what} (aim 0.72)"), ratio, "ratio", Target::AtLeast(pgbouncer));
                table.judge(&what, cpu(samples, load, way)? * 1e6, "µs CPU", Target::AtMost(22.0));
            }
            Way::Direct => note_rate(table, samples, load, way, &what)?,
            Way::Pgbouncer | Way::Haproxy => {
                table.note(&what, self::ratio(samples, load, way)?, "ratio");
                table.note(&what, cpu(samples, load, way)? * 1e6, "µs CPU");
            }
        }
    }
    Ok(())
}

fn bulk(table: &mut Table, samples: &Samples) -> Result<()> {
    let loads = [
        (Load::Scan, "scan"),
        (Load::Select, "select"),
        (Load::CopyOut, "copy out"),
        (Load::CopyIn, "copy in"),
    ];
    for (load, name) in loads {
        for way in WAYS {
            let what = format!("{name}, {}", way.name());
            match way {
                Way::Direct => {
                    let rate = median(map(of(samples, load, way)?, |one| one.per_second));
                    table.note(&what, rate, "MB/s");
                }
                Way::Postern => {
                    table.judge(&what, ratio(samples, load, way)?, "ratio", Target::AtLeast(0.9));
                    table.judge(&what, cpu(samples, load, way)? * 1e3, "ms/MB", Target::AtMost(1.2));
                }
                Way::Pgbouncer | Way::Haproxy => {
                    table.note(&what, ratio(samples, load, way)?, "ratio");
                    table.note(&what, cpu(samples, load, way)? * 1e3, "ms/MB");
                }
            }
        }
    }
    Ok(())
}

/// pgbouncer's are no logins to the server; it keeps those.
fn logins(table: &mut Table, samples: &Samples) -> Result<()> {
    let load = Load::Logins;
    for way in WAYS {
        let what = format!("a login for each statement, 8 clients, {}", way.name());
        match way {
            Way::Direct => note_rate(table, samples, load, way, &what)?,
            Way::Postern => {
                table.judge(&what, ratio(samples, load, way)?, "ratio", Target::AtLeast(0.8));
                table.note(&what, cpu(samples, load, way)? * 1e6, "µs CPU");
            }
            Way::Pgbouncer | Way::Haproxy => {
                table.note(&what, ratio(samples, load, way)?, "ratio");
                table.note(&what, cpu(samples, load, way)? * 1e6, "µs CPU");
            }
        }
    }
    Ok(())
}

fn note_rate(table: &mut Table, samples: &Samples, load: Load, way: Way, what: &str) -> Result<()> {
    match way {
        Way::Direct => {
            table.note(what, median(map(of(samples, load, way)?, |one| one.per_second)), "/s");
        }
        Way::Pgbouncer | Way::Haproxy | Way::Postern => {
            table.note(what, ratio(samples, load, way)?, "ratio");
        }
    }
    Ok(())
}

/// The median of what each round's rate is of the direct rate of the same round.
fn ratio(samples: &Samples, load: Load, way: Way) -> Result<f64> {
    let direct = of(samples, load, Way::Direct)?;
    let rounds = of(samples, load, way)?.iter().zip(direct);
    Ok(median(rounds.map(|(one, direct)| one.per_second / direct.per_second).collect()))
}

fn cpu(samples: &Samples, load: Load, way: Way) -> Result<f64> {
    Ok(median(map(of(samples, load, way)?, |one| one.cpu_per_unit)))
}

fn of(samples: &Samples, load: Load, way: Way) -> Result<&[Sample]> {
    let found = samples.iter().find(|(of, by, _)| *of == load && *by == way);
    found.map(|(_, _, rounds)| rounds.as_slice()).context("this was not measured")
}

fn map(rounds: &[Sample], take: impl Fn(&Sample) -> f64) -> Vec<f64> {
    rounds.iter().map(take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(rates: [f64; 3]) -> Vec<Sample> {
        rates.map(|per_second| Sample { per_second, latency: 1.0, cpu_per_unit: 1e-6 }).to_vec()
    }

    #[test]
    fn a_round_is_compared_with_its_own_direct_round() {
        // A neighbour took half of the machine in the second round, from both alike.
        let samples = vec![
            (Load::Scan, Way::Direct, rounds([100.0, 50.0, 100.0])),
            (Load::Scan, Way::Postern, rounds([90.0, 45.0, 80.0])),
        ];
        assert!((ratio(&samples, Load::Scan, Way::Postern).unwrap() - 0.9).abs() < 1e-9);
        assert!(ratio(&samples, Load::Scan, Way::Haproxy).is_err());
    }
}
