//! An empty cgroup that looks like an agent's, to see whether it would be held.

use std::path::Path;

use super::cgroup::{Cgroup, CgroupError};
use super::place::{self, Maker, Place};
use crate::config::Agent;

/// `None` when the agent is designated as a user, whose cgroups are not ours to make.
pub fn make(name: &str, agent: &Agent, root: &Path) -> Result<Option<Cgroup>, CgroupError> {
    match place::choose(name, &agent.watch, Maker::Ourselves, std::process::id()) {
        Ok(Place::Folder { path }) => Cgroup::make(root, &path).map(Some),
        Ok(Place::Scope { .. }) | Err(_) => Ok(None),
    }
}
