//! Which cgroups are an agent's: the ways an operator designates them, and what each one matches.
//!
//! Every designation comes down to one [`CgroupPattern`], so that the kernel, the enforcer and the
//! configuration check agree by construction. Looking up a user's number is left to the caller.

mod pattern;
#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};
use core::fmt;

pub use pattern::{CgroupPattern, NamePattern, Parent, PatternError};

/// One way in which the configuration points at an agent's cgroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Designation {
    /// A path below the root of the cgroup2 hierarchy: `/agents.slice/coder-*`.
    Cgroup(CgroupPattern),
    /// A systemd unit, wherever systemd puts it: `coder@*.service`.
    Unit(UnitPattern),
    /// A systemd slice, with all that runs in it: `agents.slice`.
    Slice(SlicePattern),
    /// All that a logged-in user runs.
    User(AgentUser),
}

impl Designation {
    /// The cgroups that this designation means. Their descendants belong to the agent too.
    pub fn pattern(&self) -> CgroupPattern {
        match self {
            Self::Cgroup(pattern) => pattern.clone(),
            Self::Unit(unit) => unit.0.clone(),
            Self::Slice(slice) => slice.pattern.clone(),
            Self::User(user) => user.pattern(),
        }
    }

    /// Whether the cgroup at this path is designated itself, not by inheritance.
    pub fn matches(&self, path: &str) -> bool {
        self.pattern().matches(path)
    }

    /// Whether some cgroup could be claimed by both, directly or as a descendant.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.pattern().overlaps(&other.pattern())
    }
}

impl fmt::Display for Designation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cgroup(pattern) => write!(f, "cgroup {pattern}"),
            Self::Unit(unit) => write!(f, "unit {}", unit.0.name()),
            Self::Slice(slice) => write!(f, "slice {}", slice.pattern.name()),
            Self::User(user) => write!(f, "user {}", user.name),
        }
    }
}

/// The name of a systemd unit that has processes of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitPattern(CgroupPattern);

impl UnitPattern {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let name = NamePattern::parse(text)?;
        if ![".service", ".scope"].into_iter().any(|kind| text.ends_with(kind)) {
            return Err(PatternError::NotAUnit);
        }
        if pattern::systemd_renames(text) {
            return Err(PatternError::RenamedBySystemd);
        }
        Ok(Self(CgroupPattern::new(Parent::Anywhere, name)))
    }

    pub fn name(&self) -> &NamePattern {
        self.0.name()
    }
}

/// The name of a systemd slice. The name fixes the path: `a-b.slice` lies in `a.slice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicePattern {
    pattern: CgroupPattern,
}

impl SlicePattern {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let name = NamePattern::parse(text)?;
        let stem = text.strip_suffix(".slice").ok_or(PatternError::NotASlice)?;
        if stem.split('-').any(str::is_empty) {
            return Err(PatternError::NotASlice);
        }
        if stem.split_once('*').is_some_and(|(_, after)| after.contains('-')) {
            return Err(PatternError::StarNotLast);
        }
        let mut parent = String::new();
        for (dash, _) in stem.match_indices('-') {
            let enclosing = stem.get(..dash).unwrap_or_default();
            parent.push('/');
            parent.push_str(enclosing);
            parent.push_str(".slice");
        }
        Ok(Self { pattern: CgroupPattern::new(Parent::Path(parent), name) })
    }

    pub fn name(&self) -> &NamePattern {
        self.pattern.name()
    }
}

/// A user whose whole login slice is the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentUser {
    pub name: String,
    pub uid: u32,
}

impl AgentUser {
    fn pattern(&self) -> CgroupPattern {
        let name = NamePattern::exactly(alloc::format!("user-{}.slice", self.uid));
        CgroupPattern::new(Parent::Path("/user.slice".to_string()), name)
    }
}
