//! What each attempt should come to, for each user and level of enforcement. Tests and documents are checked
//! against this and against nothing else.

use std::fmt;

use gateway_policy::level::Level;
use serde::Serialize;

use super::attempt::{Attempt, Bare, Closer, Gap, Goal, Who};

/// Major and minor number of a kernel release.
pub type Kernel = (u32, u32);

/// What an attempt should come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "expectation", content = "because", rename_all = "snake_case")]
pub enum Expectation {
    Closed,
    /// Known to be open, with the reason.
    Open(&'static str),
    /// Known to be open and not a promise of this level or any other.
    Residual,
    MustWork,
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed => "closed",
            Self::Open(_) => "open",
            Self::Residual => "residual",
            Self::MustWork => "works",
        })
    }
}

impl Gap {
    fn applies(&self, level: Level, kernel: Kernel) -> bool {
        self.level == level && self.before.is_none_or(|fixed| kernel < fixed)
    }
}

impl Attempt {
    pub fn expectation(&self, who: Who, level: Level, kernel: Kernel) -> Expectation {
        if self.goal == Goal::MustWork {
            return Expectation::MustWork;
        }
        if self.is_held_by_the_kernel(who) {
            return Expectation::Closed;
        }
        let gap = self.gaps.iter().find(|gap| gap.applies(level, kernel));
        match (self.is_closed_at(level), gap, self.goal) {
            (true, None, _) => Expectation::Closed,
            (_, _, Goal::Residual) => Expectation::Residual,
            (_, Some(gap), _) => Expectation::Open(gap.because),
            (false, None, _) => Expectation::Open("only the second layer sees it"),
        }
    }

    /// Where the ordinary rules of the kernel suffice.
    fn is_held_by_the_kernel(&self, who: Who) -> bool {
        match self.bare {
            Bare::Nobody => true,
            Bare::RootOnly => who == Who::User,
            Bare::Anyone | Bare::SomeHosts => false,
        }
    }

    /// A hardened unit has no privileges to offer, whoever runs in it.
    fn is_closed_at(&self, level: Level) -> bool {
        let needs_privileges = self.bare == Bare::RootOnly && level == Level::Unit;
        needs_privileges || self.closed_by.iter().any(|closer| closer.works_at(level))
    }
}

impl Closer {
    /// Each level has the programs on the cgroup; `unit` and `full` add one layer each.
    fn works_at(self, level: Level) -> bool {
        match self {
            Self::Cgroup | Self::Kernel => true,
            Self::Unit => level == Level::Unit,
            Self::Lsm => level == Level::Full,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escapes::{all, named};

    const NEW: Kernel = (6, 12);

    fn expected(name: &str, who: Who, level: Level, kernel: Kernel) -> Expectation {
        named(name).unwrap().expectation(who, level, kernel)
    }

    #[test]
    fn the_full_level_closes_every_escape_on_a_new_kernel() {
        let open: Vec<_> = all()
            .filter(|attempt| attempt.goal == Goal::Escape)
            .filter(|attempt| attempt.expectation(Who::Root, Level::Full, NEW) != Expectation::Closed)
            .map(|attempt| attempt.name)
            .collect();
        assert_eq!(open, Vec::<&str>::new());
    }

    #[test]
    fn a_packet_socket_needs_root_and_the_second_layer() {
        let open = expected("packet-raw", Who::Root, Level::Cgroup, NEW);
        assert!(matches!(open, Expectation::Open(_)));
        assert_eq!(expected("packet-raw", Who::User, Level::Cgroup, NEW), Expectation::Closed);
        assert_eq!(expected("packet-raw", Who::Root, Level::Full, NEW), Expectation::Closed);
    }

    #[test]
    fn abstract_sockets_are_open_in_a_unit_of_an_older_kernel() {
        assert!(matches!(expected("unix-abstract", Who::User, Level::Unit, (6, 1)), Expectation::Open(_)));
        assert_eq!(expected("unix-abstract", Who::User, Level::Unit, NEW), Expectation::Closed);
    }
}
