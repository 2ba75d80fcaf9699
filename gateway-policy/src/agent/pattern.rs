//! The one form that every designation comes down to: where a cgroup lies and what it is called.

use alloc::string::{String, ToString};
use core::fmt;

/// Longest name of one cgroup directory that the kernel takes.
const NAME_MAX: usize = 255;
/// Longest path that the kernel hands out for a cgroup.
const PATH_MAX: usize = 4095;

/// What is wrong with a pattern. The sentences are remedies too: they say what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternError {
    Empty,
    TooLong,
    NotAbsolute,
    EmptyComponent,
    DotComponent,
    SlashInName,
    ManyStars,
    StarNotLast,
    ForbiddenCharacter,
    WholeHierarchy,
    NotAUnit,
    NotASlice,
    RenamedBySystemd,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::TooLong => "it is longer than the kernel allows a cgroup name to be",
            Self::NotAbsolute => "a cgroup path begins with `/`, at the root of the cgroup2 hierarchy",
            Self::EmptyComponent => "it has an empty component (`//`, or a `/` at the end)",
            Self::DotComponent => "`.` and `..` are not cgroup names",
            Self::SlashInName => "a unit or slice name has no `/`; use `cgroup` for a path",
            Self::ManyStars => "one `*` is the most that a pattern may have",
            Self::StarNotLast => "the `*` may only stand in the last component",
            Self::ForbiddenCharacter => "only letters, digits and `@ : - _ . \\ +` may stand in a cgroup name",
            Self::WholeHierarchy => "it would match the whole hierarchy; give the name some fixed text",
            Self::NotAUnit => "a unit that runs processes ends in `.service` or `.scope`",
            Self::NotASlice => "a slice is named like `agents.slice` or `agents-coder.slice`",
            Self::RenamedBySystemd => {
                "systemd gives a unit of this name another cgroup name; rename the unit so that it does not begin with `_`, `.` or the name of a cgroup controller"
            }
        })
    }
}

impl core::error::Error for PatternError {}

/// A name with at most one `*`, which stands for any text, the empty text included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    before: String,
    /// What follows the `*`; `None` when the name is exact.
    after: Option<String>,
}

impl NamePattern {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        match text {
            "" => return Err(PatternError::Empty),
            "*" => return Err(PatternError::WholeHierarchy),
            "." | ".." => return Err(PatternError::DotComponent),
            _ if text.len() > NAME_MAX => return Err(PatternError::TooLong),
            _ if text.contains('/') => return Err(PatternError::SlashInName),
            _ if !text.chars().all(may_stand_in_a_name) => return Err(PatternError::ForbiddenCharacter),
            _ => {}
        }
        match text.split_once('*') {
            Some((_, after)) if after.contains('*') => Err(PatternError::ManyStars),
            Some((before, after)) => Ok(Self { before: before.to_string(), after: Some(after.to_string()) }),
            None => Ok(Self::exactly(text.to_string())),
        }
    }

    pub(super) fn exactly(name: String) -> Self {
        Self { before: name, after: None }
    }

    /// The text before the `*`, or all of it.
    pub fn before(&self) -> &str {
        &self.before
    }

    /// The text after the `*`; `None` when the name is exact.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    pub fn matches(&self, name: &str) -> bool {
        match &self.after {
            None => name == self.before,
            Some(after) => {
                name.strip_prefix(self.before.as_str()).is_some_and(|rest| rest.ends_with(after.as_str()))
            }
        }
    }

    /// Whether the two can be taken for each other. The kernel recognises a new cgroup by what stands before the
    /// `*` alone, so what follows it does not keep two patterns apart.
    fn overlaps(&self, other: &Self) -> bool {
        match (&self.after, &other.after) {
            (None, _) => other.matches(&self.before),
            (_, None) => self.matches(&other.before),
            (Some(_), Some(_)) => {
                self.before.starts_with(&other.before) || other.before.starts_with(&self.before)
            }
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.before)?;
        match &self.after {
            Some(after) => write!(f, "*{after}"),
            None => Ok(()),
        }
    }
}

/// Where the cgroup lies whose name is matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parent {
    /// In exactly this cgroup. The root is the empty text; others begin with `/` and do not end with it.
    Path(String),
    /// In any cgroup.
    Anywhere,
}

/// Which cgroups are meant: all that lie in `parent` and whose name matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupPattern {
    parent: Parent,
    name: NamePattern,
}

impl CgroupPattern {
    /// Reads a path such as `/agents.slice/coder-*`.
    pub fn parse(path: &str) -> Result<Self, PatternError> {
        match path {
            "" => return Err(PatternError::Empty),
            "/" => return Err(PatternError::WholeHierarchy),
            _ if path.len() > PATH_MAX => return Err(PatternError::TooLong),
            _ if !path.starts_with('/') => return Err(PatternError::NotAbsolute),
            _ => {}
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or_default();
        if parent.contains('*') {
            return Err(PatternError::StarNotLast);
        }
        if path.split('/').skip(1).any(str::is_empty) {
            return Err(PatternError::EmptyComponent);
        }
        for component in parent.split('/').skip(1) {
            NamePattern::parse(component)?;
        }
        let name = match name {
            // Below a named parent everything may be meant: `/agents.slice/*`.
            "*" if !parent.is_empty() => NamePattern { before: String::new(), after: Some(String::new()) },
            _ => NamePattern::parse(name)?,
        };
        Ok(Self::new(Parent::Path(parent.to_string()), name))
    }

    pub(super) fn new(parent: Parent, name: NamePattern) -> Self {
        Self { parent, name }
    }

    pub fn parent(&self) -> &Parent {
        &self.parent
    }

    pub fn name(&self) -> &NamePattern {
        &self.name
    }

    /// Whether the cgroup at this path is meant itself, not as a descendant.
    pub fn matches(&self, path: &str) -> bool {
        let Some((parent, name)) = path.rsplit_once('/') else { return false };
        let here = match &self.parent {
            Parent::Anywhere => true,
            Parent::Path(wanted) => parent == wanted,
        };
        here && !name.is_empty() && self.name.matches(name)
    }

    /// Whether some cgroup could be claimed by both, directly or as a descendant. What depends on
    /// where systemd puts a unit is not known here and counts as no overlap.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.same_place(other) || self.encloses(other) || other.encloses(self)
    }

    fn same_place(&self, other: &Self) -> bool {
        let parents = match (&self.parent, &other.parent) {
            (Parent::Path(mine), Parent::Path(theirs)) => mine == theirs,
            (Parent::Anywhere, _) | (_, Parent::Anywhere) => true,
        };
        parents && self.name.overlaps(&other.name)
    }

    /// Whether what `other` means lies below a cgroup that `self` means.
    fn encloses(&self, other: &Self) -> bool {
        let Parent::Path(theirs) = &other.parent else { return false };
        let ends = theirs.match_indices('/').skip(1).map(|(at, _)| at).chain([theirs.len()]);
        ends.filter_map(|end| theirs.get(..end)).any(|ancestor| self.matches(ancestor))
    }
}

impl fmt::Display for CgroupPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parent {
            Parent::Path(parent) => write!(f, "{parent}/{}", self.name),
            Parent::Anywhere => write!(f, "{}", self.name),
        }
    }
}

fn may_stand_in_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "@:-_.\\+*".contains(character)
}

/// Whether systemd escapes the cgroup name of a unit, so that the unit's name would match nothing
/// (systemd, src/basic/cgroup-util.c, `cg_needs_escape`).
pub(super) fn systemd_renames(unit: &str) -> bool {
    const CONTROLLERS: [&str; 12] = [
        "cgroup",
        "cpu",
        "cpuacct",
        "cpuset",
        "io",
        "blkio",
        "memory",
        "devices",
        "pids",
        "bpf-firewall",
        "bpf-devices",
        "bpf-foreign",
    ];
    let controller = unit.split_once('.').is_some_and(|(first, _)| CONTROLLERS.contains(&first));
    unit.starts_with(['_', '.']) || controller
}
