//! Every way out of a watched cgroup that we know, as code that tries it.
//!
//! An [`Attempt`] runs inside the agent's cgroup and makes a [`Claim`]. Only the [`world`] outside says what really
//! arrived, so that an attempt cannot be wrong about its own success. What each attempt should come to at each
//! level of enforcement is in [`expected`]; [`runner`] puts the three together. `postern bypass-test`, the canary
//! and the attack suite all use this one list.

mod arena;
mod attempt;
mod child;
mod devices;
mod dns;
mod expected;
mod families;
mod inbound;
mod inherited;
mod io_uring;
mod kernel;
mod leaving;
mod namespaces;
mod netlink;
mod outcome;
mod outsider;
mod processes;
mod runner;
mod socket_options;
mod stay;
mod tcp;
#[cfg(test)]
mod threat_model;
mod udp;
mod unix;
mod world;

pub use attempt::{Attempt, Bare, Closer, Goal, Who};
pub use child::{Dress, attempt_from_standard_input};
pub use expected::Expectation;
pub use outcome::Verdict;
pub use outsider::stand_by as stand_by_as_outsider;
pub use runner::{Finding, Ground, Runner};
pub use stay::Stay;

/// All attempts, in the order in which they run.
pub fn all() -> impl Iterator<Item = &'static Attempt> {
    [
        tcp::ATTEMPTS,
        socket_options::ATTEMPTS,
        udp::ATTEMPTS,
        dns::ATTEMPTS,
        families::ATTEMPTS,
        netlink::ATTEMPTS,
        unix::ATTEMPTS,
        inherited::ATTEMPTS,
        io_uring::ATTEMPTS,
        leaving::ATTEMPTS,
        processes::ATTEMPTS,
        devices::ATTEMPTS,
        inbound::ATTEMPTS,
        namespaces::ATTEMPTS,
        kernel::ATTEMPTS,
    ]
    .into_iter()
    .flatten()
}

pub fn named(name: &str) -> Option<&'static Attempt> {
    all().find(|attempt| attempt.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_attempt_has_a_name_of_its_own() {
        let names: BTreeSet<_> = all().map(|attempt| attempt.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')))
        );
    }

    #[test]
    fn every_escape_names_what_closes_it() {
        let silent: Vec<_> = all()
            .filter(|attempt| {
                attempt.goal == Goal::Escape && attempt.closed_by.is_empty() && attempt.gaps.is_empty()
            })
            .map(|attempt| attempt.name)
            .collect();
        assert_eq!(silent, Vec::<&str>::new());
    }
}
