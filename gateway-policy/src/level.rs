//! How much of an agent's way out is closed on this host, in one word.
//!
//! The enforcer finds the level with a canary that demands a refusal. Here is only what the words mean.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// Ordered from least to most: `Level::Cgroup < Level::Unit < Level::Full`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Cgroup,
    Unit,
    Full,
}

impl Level {
    pub const ALL: [Self; 3] = [Self::Cgroup, Self::Unit, Self::Full];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Unit => "unit",
            Self::Full => "full",
        }
    }

    /// Whether agents may act where the kernel reaches this level and the configuration asks for `least`. The level
    /// `unit` is a matter of each agent's own unit, to which its start sees; no kernel reaches it alone.
    #[must_use]
    pub const fn admits_agents(self, least: Self) -> bool {
        match least {
            Self::Full => matches!(self, Self::Full),
            Self::Unit | Self::Cgroup => true,
        }
    }

    /// What an operator may rely on at this level.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Cgroup => {
                "network connections are redirected or refused, but unix sockets, packet sockets, inherited sockets and leaving the cgroup are open"
            }
            Self::Unit => {
                "network connections are redirected or refused, and the agent's hardened unit closes most other ways out; abstract unix sockets are open"
            }
            Self::Full => {
                "network connections are redirected or refused, and the kernel judges every other way out of the agent's cgroup"
            }
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The word is none of the levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(word: &str) -> Result<Self, UnknownLevel> {
        Self::ALL.into_iter().find(|level| level.name() == word).ok_or(UnknownLevel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_from_least_to_most() {
        assert!(Level::Cgroup < Level::Unit && Level::Unit < Level::Full);
    }

    #[test]
    fn a_unit_is_the_agents_own_matter_and_full_is_the_kernels() {
        for level in [Level::Cgroup, Level::Unit] {
            assert!(!level.admits_agents(Level::Full));
            assert!(level.admits_agents(Level::Unit) && level.admits_agents(Level::Cgroup));
        }
        assert!(Level::ALL.iter().all(|least| Level::Full.admits_agents(*least)));
    }

    #[test]
    fn every_level_is_found_by_its_own_name_only() {
        for level in Level::ALL {
            assert_eq!(level.name().parse(), Ok(level));
        }
        assert_eq!("Full".parse::<Level>(), Err(UnknownLevel));
    }
}
