//! Runs unmodified programs as the agent, and the same programs outside it for comparison.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::stage::cgroup::AgentCgroup;
use crate::stage::postern::with_hosts;
use crate::stage::process::{as_root, as_user};

/// Longer than any program here waits by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where and as whom programs run.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) cgroup: AgentCgroup,
    /// The /etc/hosts of this machine, in which the outside world has names.
    pub(super) hosts: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// An ordinary user, which is what agents are.
    Nobody,
    Root,
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) succeeded: bool,
    pub(super) pid: u32,
    pub(super) took: Duration,
    output: String,
    complaint: String,
}

impl Outcome {
    /// What it printed, or else the end of what it complained about, in one line.
    pub(super) fn gist(&self) -> String {
        let said = if self.succeeded { &self.output } else { &self.complaint };
        let line = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word");
        // `OSError: [Errno 1] Not permitted`, `curl: (56) Reset`: what follows the last bracket says it.
        let line = line.rsplit_once("] ").or(line.rsplit_once(") ")).map_or(line, |(_, gist)| gist);
        line.trim().to_owned()
    }

    /// These words if it complained in them, or else its gist.
    pub(super) fn complaint_with(&self, words: &str) -> String {
        if self.complaint.contains(words) { words.to_owned() } else { self.gist() }
    }

    /// What a database said no with.
    pub(super) fn objection(&self) -> Option<String> {
        let line = self.complaint.lines().find_map(|line| line.split_once("ERROR:"))?;
        Some(line.1.trim().to_owned())
    }

    /// All it printed, in one line.
    pub(super) fn printed(&self) -> String {
        self.output.lines().map(str::trim).collect::<Vec<_>>().join(" ")
    }
}

impl Places {
    /// Runs a program in the agent's cgroup.
    pub(super) fn as_agent(&self, who: Who, words: &[&str]) -> Result<Outcome> {
        finish(self.start_as_agent(who, words)?)
    }

    /// Starts a program in the agent's cgroup.
    pub(super) fn start_as_agent(&self, who: Who, words: &[&str]) -> Result<Running> {
        start(self.cgroup.command(), who, words)
    }

    /// Runs the same program on this machine, outside every agent.
    pub(super) fn outside(&self, who: Who, words: &[&str]) -> Result<Outcome> {
        finish(start(with_hosts(&self.hosts), who, words)?)
    }

    pub(super) fn write_hosts(path: &Path, names: &[(&str, &str)]) -> Result<()> {
        let mut hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        for (address, name) in names {
            hosts.push_str(&format!("\n{address} {name}"));
        }
        std::fs::write(path, hosts + "\n").context("cannot write the list of hosts")
    }
}

/// A program on its way.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    begun: Instant,
}

impl Running {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    pub(super) fn finish(self) -> Result<Outcome> {
        finish(self)
    }
}

fn start(mut place: Command, who: Who, words: &[&str]) -> Result<Running> {
    let user = match who {
        Who::Nobody => as_user("nobody", "nogroup"),
        Who::Root => as_root(),
    };
    place.arg(user.get_program()).args(user.get_args()).args(words);
    place.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
    place.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = place.spawn().with_context(|| format!("cannot start {}", words.join(" ")))?;
    Ok(Running { child, begun: Instant::now() })
}

fn finish(mut running: Running) -> Result<Outcome> {
    let pid = running.child.id();
    while !running.has_ended() && running.begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = running.begun.elapsed();
    if !running.has_ended() {
        running.child.kill().context("cannot end a program")?;
    }
    let status = running.child.wait()?;
    let (mut output, mut complaint) = (String::new(), String::new());
    // What these programs print fits into a pipe.
    if let Some(mut pipe) = running.child.stdout.take() {
        pipe.read_to_string(&mut output)?;
    }
    if let Some(mut pipe) = running.child.stderr.take() {
        pipe.read_to_string(&mut complaint)?;
    }
    Ok(Outcome { succeeded: status.success(), pid, took, output, complaint })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> Outcome {
        Outcome {
            succeeded: false,
            pid: 1,
            took: Duration::ZERO,
            output: String::new(),
            complaint: text.to_owned(),
        }
    }

    #[test]
    fn the_gist_of_a_complaint_is_its_last_words() {
        let python = "Traceback (most recent call last):\n  File x\nPermissionError: [Errno 1] Operation not permitted\n";
        assert_eq!(complaint(python).gist(), "Operation not permitted");
        let curl = "curl: (56) Recv failure: Connection reset by peer\n\n";
        assert_eq!(complaint(curl).gist(), "Recv failure: Connection reset by peer");
        assert_eq!(complaint("").gist(), "no word");
    }
}
