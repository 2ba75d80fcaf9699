//! A child of this same binary, spoken with by lines, and killed at the latest when the value is dropped.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::legacies::Inheritance;

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// What has been heard beyond the last complete line.
    heard: Vec<u8>,
}

impl Process {
    /// Starts `postern COMMAND [ARGUMENT]` with these descriptors left open, and only these.
    pub(super) fn spawn(
        command: &str,
        argument: Option<&str>,
        inheritance: Inheritance,
    ) -> anyhow::Result<Self> {
        inheritance.let_through()?;
        let mut child = Command::new("/proc/self/exe")
            .arg(command)
            .args(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a copy of this program")?;
        let input = child.stdin.take().context("the child takes no input")?;
        let output = child.stdout.take().context("the child gives no output")?;
        Ok(Self { child, input, output, heard: Vec::new() })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        writeln!(self.input, "{line}").context("the child does not listen")
    }

    /// The next line, or nothing when the child ended or the time is over.
    pub(super) fn hear(&mut self, limit: Duration) -> anyhow::Result<Option<String>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.listen(left)? {
                return Ok(None);
            }
        }
    }

    /// Whether there may be more to come.
    fn listen(&mut self, limit: Duration) -> anyhow::Result<bool> {
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let mut waiting = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waiting, limit)? == 0 {
            return Ok(true);
        }
        let mut bytes = [0; 4096];
        let got = self.output.read(&mut bytes)?;
        self.heard.extend_from_slice(bytes.get(..got).unwrap_or_default());
        Ok(got > 0)
    }

    /// How the child came to its end, made to end now if it has not yet.
    pub(super) fn end(&mut self) -> anyhow::Result<String> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status.to_string());
        }
        // It may just be leaving: its output closes a moment before it is gone.
        std::thread::sleep(Duration::from_millis(20));
        if let Some(status) = self.child.try_wait()? {
            return Ok(status.to_string());
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok("did not come to an end".into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A child that is already gone cannot be killed, and need not be.
        if self.child.kill().and_then(|()| self.child.wait()).is_err() {
            tracing::debug!("an attempt's process was gone already");
        }
    }
}
