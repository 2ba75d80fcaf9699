//! The clock: records are worth what their times are worth.

use std::time::SystemTime;

use super::Finding;
use crate::sys::clock::{Synchronised, synchronised};

const CHECK: &str = "clock";

pub fn check() -> Finding {
    if is_before_this_binary() {
        let remedy = "set the clock, then let a time service such as chrony keep it";
        return Finding::broken(CHECK, "it stands before the date of this program", remedy);
    }
    match synchronised() {
        Ok(Synchronised::Yes) => Finding::ok(CHECK, "synchronised"),
        Ok(Synchronised::No) => {
            let remedy = "run a time service such as chrony or systemd-timesyncd";
            Finding::gap(CHECK, "nothing keeps it in step, so the times in records may be wrong", remedy)
        }
        Err(error) => Finding::gap(CHECK, format!("cannot ask the kernel: {error}"), "run as root"),
    }
}

/// A host that lost its clock starts in the past.
fn is_before_this_binary() -> bool {
    let built = std::env::current_exe().and_then(std::fs::metadata).and_then(|facts| facts.modified());
    built.is_ok_and(|built| built > SystemTime::now())
}
