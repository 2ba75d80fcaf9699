//! Every known way out of a watched cgroup, tried where nothing is enforced, to know that the way exists on this machine
//! and that the world notices; then in a watched cgroup, where it must be closed; then in one by a confined command.
//!
//! One test per attempt, user and place. The list is the product's own (`postern bypass-test --list`), so that a new
//! attempt is a new test. Each place is visited once, with all attempts, when the first of its tests needs it.

mod control;
mod enforced;
mod findings;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use gateway_e2e::host;
use libtest_mimic::{Arguments, Trial};

use control::Control;
use enforced::{Dress, Enforced};
use table::Row;

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::from_args();
    let control = Arc::new(Control::default());
    let watched = Arc::new(Enforced::new(Dress::Plain));
    let confined = Arc::new(Enforced::new(Dress::Confined));
    let mut trials = vec![
        control::enough_is_reached(&control),
        enforced::the_exit_status_tells_of_open_ways(&watched),
        enforced::guests_reach_the_full_level(&watched),
    ];
    for row in table::read()? {
        let row = Arc::new(row);
        trials.push(unwatched(&row, &control));
        trials.push(enforced("watched", &row, &control, &watched));
        // In a guest the second layer would be tried once more, and not what makes up for it.
        if !host::in_guest() {
            trials.push(enforced("confined", &row, &control, &confined));
        }
    }
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

fn unwatched(row: &Arc<Row>, control: &Arc<Control>) -> Trial {
    let (row, control) = (Arc::clone(row), Arc::clone(control));
    Trial::test(format!("unwatched::{}_as_{}", row.name, row.who), move || Ok(control.check(&row)?))
}

fn enforced(place: &str, row: &Arc<Row>, control: &Arc<Control>, enforced: &Arc<Enforced>) -> Trial {
    let (row, control, enforced) = (Arc::clone(row), Arc::clone(control), Arc::clone(enforced));
    Trial::test(format!("{place}::{}_as_{}", row.name, row.who), move || Ok(enforced.check(&row, &control)?))
}
