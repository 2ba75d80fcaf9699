//! A place in an agent's cgroup for the attempts: below a cgroup of the agent's that exists, or one made where the
//! agent would have its own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use gateway_policy::agent::{CgroupPattern, Parent};

use crate::attribution::status::{enforcer_status, watched_as};
use crate::config::Config;
use crate::mounts;
use crate::report::WithHelp;

/// How long the enforcer may take to hear of a new cgroup.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// A cgroup to make attempts in. One that was made for them is removed in the end.
#[derive(Debug)]
pub struct Stay {
    directory: PathBuf,
    ours: bool,
}

impl Stay {
    /// Does not disturb the agent: its processes stay in their own cgroup. Refuses a cgroup that the enforcer does
    /// not count as this agent's, since attempts there would prove nothing.
    pub fn with_agent(name: &str, config: &Config) -> anyhow::Result<Self> {
        let root = mounts::cgroup2_root(config.enforce.cgroup_root.as_deref())?;
        let known = || anyhow::anyhow!("no agent is called {name}");
        let agent = config.agents.get(name).ok_or_else(known).help("agents stand in the configuration")?;
        let stay = match Self::below_the_agents_own(name, &root, config)? {
            Some(stay) => stay,
            None => Self::where_it_would_be(agent.watch.iter().map(|way| way.pattern()), &root)
                .with_context(|| format!("cannot make a cgroup that is {name}'s"))
                .help("start the agent, then try again")?,
        };
        stay.belongs_to(name, config)?;
        Ok(stay)
    }

    /// A cgroup that somebody else made and answers for.
    pub fn in_directory(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), ours: false }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn below_the_agents_own(name: &str, root: &Path, config: &Config) -> anyhow::Result<Option<Self>> {
        let status = enforcer_status(&config.enforce.socket)
            .help("start postern-enforce.service, and run bypass-test as root")?;
        let cgroups =
            status.agents.into_iter().filter(|agent| agent.name == name).flat_map(|agent| agent.cgroups);
        for cgroup in cgroups {
            let own = root.join(cgroup.path.trim_start_matches('/'));
            if let Ok(stay) = Self::make(own.join(scratch_name())) {
                return Ok(Some(stay));
            }
        }
        Ok(None)
    }

    fn where_it_would_be(patterns: impl Iterator<Item = CgroupPattern>, root: &Path) -> anyhow::Result<Self> {
        let mut made = Err(anyhow::anyhow!("it is designated in no way that says where"));
        for pattern in patterns {
            let parent = match pattern.parent() {
                Parent::Path(path) => root.join(path.trim_start_matches('/')),
                Parent::Anywhere => root.to_owned(),
            };
            let name = pattern.name();
            let own = match name.after() {
                Some(after) => format!("{}{}{after}", name.before(), scratch_name()),
                None => name.before().to_owned(),
            };
            made = Self::make(parent.join(own));
            if made.is_ok() {
                break;
            }
        }
        made
    }

    fn make(directory: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir(&directory)
            .with_context(|| format!("cannot make the cgroup {}", directory.display()))?;
        Ok(Self { directory, ours: true })
    }

    /// The kernel counts it at once; the enforcer hears of it a moment later.
    fn belongs_to(&self, name: &str, config: &Config) -> anyhow::Result<()> {
        let id = fs::metadata(&self.directory).context("the new cgroup is gone")?.ino();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if watched_as(&config.enforce.socket, id)?.as_deref() == Some(name) {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        bail!("the enforcer does not count {} as {name}'s", self.directory.display());
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        // The last process that was in it may need a moment to be gone.
        for _ in 0..50 {
            if fs::remove_dir(&self.directory).is_ok() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        tracing::warn!(cgroup = %self.directory.display(), "cannot remove the cgroup of the attempts");
    }
}

fn scratch_name() -> String {
    format!("bypass-test-{}", std::process::id())
}
