//! Every known way out of a watched cgroup, tried twice: where nothing is enforced, to know that the way exists on this
//! machine and that the world notices; and in a watched cgroup, where it must be closed.
//!
//! One test per attempt, user and place. The list is the product's own (`postern bypass-test --list`), so that a new
//! attempt is a new test. Each place is visited once, with all attempts, when the first of its tests needs it.

mod control;
mod enforced;
mod findings;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use control::Control;
use enforced::Enforced;
use table::Row;

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::from_args();
    let control = Arc::new(Control::default());
    let enforced = Arc::new(Enforced::default());
    let mut trials = vec![
        control::enough_is_reached(&control),
        enforced::the_exit_status_tells_of_open_ways(&enforced),
        enforced::the_level_is_the_one_expected_here(&enforced),
    ];
    for row in table::read()? {
        let row = Arc::new(row);
        trials.push(unwatched(&row, &control));
        trials.push(watched(&row, &control, &enforced));
    }
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

fn unwatched(row: &Arc<Row>, control: &Arc<Control>) -> Trial {
    let (row, control) = (Arc::clone(row), Arc::clone(control));
    Trial::test(format!("unwatched::{}_as_{}", row.name, row.who), move || Ok(control.check(&row)?))
}

fn watched(row: &Arc<Row>, control: &Arc<Control>, enforced: &Arc<Enforced>) -> Trial {
    let (row, control, enforced) = (Arc::clone(row), Arc::clone(control), Arc::clone(enforced));
    Trial::test(format!("watched::{}_as_{}", row.name, row.who), move || Ok(enforced.check(&row, &control)?))
}
