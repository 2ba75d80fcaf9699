//! May a command of this agent start here? Asked of the enforcer, which has proved what the kernel refuses.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use gateway_policy::level::Level;
use thiserror::Error;

use crate::attribution::status::{StatusError, tell_reached, watched_as};
use crate::attribution::wire::EnforcerStatus;
use crate::confine::Strength;
use crate::report::WithHelp as _;

/// The kernel watches a new cgroup at once; the enforcer hears of it a moment later.
const PATIENCE: Duration = Duration::from_secs(6);
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, Error)]
pub enum NotAdmitted {
    #[error("cannot ask the enforcer whether agents are held")]
    Unasked(#[from] StatusError),
    #[error("the kernel refuses agents nothing yet")]
    NoLevel,
    #[error("agents are held at level {reached} and must be held at {least}: {}", reached.sentence())]
    TooLow { reached: Level, least: Level },
    #[error("the enforcer does not watch {cgroup} as agent {agent}")]
    NotWatched { cgroup: String, agent: String },
}

impl NotAdmitted {
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unasked(_) | Self::NoLevel => "start postern-enforce.service, and read its journal",
            Self::TooLow { .. } => {
                "boot a kernel with BPF LSM in force (`postern doctor` says what is missing), or accept less with enforce.danger_minimum_level"
            }
            Self::NotWatched { .. } => {
                "restart postern-enforce.service, so that it reads the configuration again; the level must be reached as well"
            }
        }
    }
}

/// As the operator reads it.
pub fn for_operator<T>(agent: &str, outcome: Result<T, NotAdmitted>) -> anyhow::Result<T> {
    outcome.or_else(|error| {
        let remedy = error.remedy();
        Err(error).with_context(|| format!("agent {agent} may not start")).help(remedy)
    })
}

/// The level that the host reaches for a command that gives up this much by itself.
pub fn level(status: &EnforcerStatus, strength: Strength, least: Level) -> Result<Level, NotAdmitted> {
    let kernel = status.level.ok_or(NotAdmitted::NoLevel)?;
    let reached = match strength {
        Strength::Unit => kernel.max(Level::Unit),
        Strength::Baseline => kernel,
    };
    if reached < least { Err(NotAdmitted::TooLow { reached, least }) } else { Ok(reached) }
}

/// Waits until the enforcer says that this very cgroup is watched as this agent.
pub fn watched(socket: &Path, agent: &str, cgroup: u64, path: &Path) -> Result<(), NotAdmitted> {
    let begun = Instant::now();
    while watched_as(socket, cgroup)?.as_deref() != Some(agent) {
        if begun.elapsed() > PATIENCE {
            let cgroup = path.display().to_string();
            return Err(NotAdmitted::NotWatched { cgroup, agent: agent.to_string() });
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Has the enforcer put the level that the command reaches into its records.
pub fn tell(socket: &Path, cgroup: &Path, root: &Path, level: Level) -> Result<(), NotAdmitted> {
    let below = cgroup.strip_prefix(root).unwrap_or(cgroup);
    Ok(tell_reached(socket, &format!("/{}", below.display()), level)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(level: Option<Level>) -> EnforcerStatus {
        EnforcerStatus { level, ..EnforcerStatus::default() }
    }

    #[test]
    fn the_level_is_what_kernel_and_command_reach_together() {
        let table = [
            (Level::Full, Strength::Baseline, Level::Full, Some(Level::Full)),
            (Level::Full, Strength::Unit, Level::Full, Some(Level::Full)),
            (Level::Cgroup, Strength::Unit, Level::Unit, Some(Level::Unit)),
            (Level::Cgroup, Strength::Unit, Level::Full, None),
            (Level::Cgroup, Strength::Baseline, Level::Unit, None),
            (Level::Cgroup, Strength::Baseline, Level::Cgroup, Some(Level::Cgroup)),
        ];
        for (kernel, strength, least, reached) in table {
            let found = level(&status(Some(kernel)), strength, least).ok();
            assert_eq!(found, reached, "{kernel} {strength:?} {least}");
        }
    }

    #[test]
    fn a_kernel_that_refuses_nothing_is_no_level() {
        assert!(matches!(level(&status(None), Strength::Unit, Level::Cgroup), Err(NotAdmitted::NoLevel)));
    }
}
