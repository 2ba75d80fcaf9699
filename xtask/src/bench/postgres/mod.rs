//! What a statement costs by way of the gateway, beside no gateway, pgbouncer and haproxy.
//!
//! All ways lead to one server, and every round goes every way in another order. A ratio is the median of the rounds'
//! ratios; CPU is what the processes of a way used for each statement, which hardly moves on a busy machine.

mod figures;
mod idle;
mod load;
mod ways;

use anyhow::Result;

use super::Args;
use super::table::Table;
use super::usage::raise_file_limit;
use load::{LOADS, Load, Sample};
use ways::{Bench, WAYS, Way};

/// How long is measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    rounds: usize,
    seconds: u32,
}

/// What was measured of one way under one load, round by round.
type Samples = Vec<(Load, Way, Vec<Sample>)>;

pub(super) fn measure(args: &Args) -> Result<Table> {
    raise_file_limit()?;
    let bench = Bench::set_up(args.product()?)?;
    let effort = if args.long { Effort { rounds: 9, seconds: 3 } } else { Effort { rounds: 3, seconds: 1 } };
    let mut table = Table::default();
    // First, while nobody has memory left from other work.
    let idle = idle::measure(&bench)?;
    let samples = rounds(&bench, effort)?;
    figures::fill(&mut table, &samples)?;
    figures::fill_idle(&mut table, &idle);
    Ok(table)
}

fn rounds(bench: &Bench, effort: Effort) -> Result<Samples> {
    let mut samples: Samples =
        LOADS.iter().flat_map(|load| WAYS.map(|way| (*load, way, Vec::new()))).collect();
    for load in LOADS {
        for round in 0..effort.rounds {
            for way in WAYS.into_iter().cycle().skip(round).take(WAYS.len()) {
                let sample = load.run(bench, way, effort.seconds)?;
                let found = samples.iter_mut().find(|(of, by, _)| *of == load && *by == way);
                found.into_iter().for_each(|(_, _, rounds)| rounds.push(sample));
            }
        }
    }
    Ok(samples)
}
