//! A connection that a process inside an agent (or elsewhere) holds, and whose bytes a test writes and reads: what no driver says.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::agent::Place;
use crate::host;
use crate::wait;
use crate::wire;

/// A message of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: u8,
    pub body: Vec<u8>,
}

impl Message {
    /// One field of an ErrorResponse or NoticeResponse.
    pub fn field(&self, wanted: u8) -> String {
        let mut fields = self.body.split(|byte| *byte == 0);
        let found = fields.find_map(|field| field.strip_prefix(&[wanted]));
        String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
    }

    /// Its text, up to the first zero.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
    }
}

/// The kinds of messages, one letter each; errors with their codes.
pub fn outline(messages: &[Message]) -> String {
    let words = messages.iter().map(|message| match message.kind {
        b'E' => format!("E:{}", message.field(b'C')),
        b'Z' => format!("Z:{}", String::from_utf8_lossy(&message.body)),
        b'C' => format!("C:{}", message.text()),
        kind => char::from(kind).to_string(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[derive(Debug)]
pub struct Pipe {
    process: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    unread: Vec<u8>,
}

impl Pipe {
    pub fn open(place: &Place, address: SocketAddr) -> Result<Self> {
        let mut command = place.command(host::tester()?)?;
        command.args(["pipe", &address.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("cannot start the tester")?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("it has no output")?;
        Ok(Self { process, input, output, unread: Vec::new() })
    }

    /// Opens it and logs in where no password is asked for.
    pub fn log_in(place: &Place, address: SocketAddr, parameters: &[(&str, &str)]) -> Result<Self> {
        let mut pipe = Self::open(place, address)?;
        pipe.send(&startup(0x0003_0000, parameters))?;
        let heard = pipe.until_ready()?;
        ensure!(heard.last().is_some_and(|last| last.kind == b'Z'), "no session: {}", outline(&heard));
        Ok(pipe)
    }

    /// Writes; a connection that was closed says so when it is read.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match self.input.as_mut().context("it has been closed")?.write_all(bytes) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Says that nothing more comes.
    pub fn finish(&mut self) {
        self.input = None;
    }

    /// What comes up to the next time that the server is ready, or to the end of the connection.
    pub fn until_ready(&mut self) -> Result<Vec<Message>> {
        let mut heard = Vec::new();
        while let Some(message) = self.message()? {
            heard.push(message);
            if heard.last().is_some_and(|last| last.kind == b'Z') {
                break;
            }
        }
        Ok(heard)
    }

    /// A simple query and its answer.
    pub fn ask(&mut self, text: &str) -> Result<Vec<Message>> {
        self.send(&wire::message(b'Q', &[text.as_bytes(), b"\0"]))?;
        self.until_ready()
    }

    /// The next message; `None` at the end of the connection.
    pub fn message(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some(message) = self.whole_message()? {
                return Ok(Some(message));
            }
            if !self.read_some(wait::patience())? {
                return Ok(None);
            }
        }
    }

    /// So many bytes as they are, or fewer at the end of the connection.
    pub fn bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        while self.unread.len() < count && self.read_some(wait::patience())? {}
        Ok(self.unread.drain(..count.min(self.unread.len())).collect())
    }

    /// Whether the other side ends the connection without another word.
    pub fn is_closed(&mut self) -> Result<bool> {
        Ok(self.message()?.is_none())
    }

    fn whole_message(&mut self) -> Result<Option<Message>> {
        let Some([kind, a, b, c, d]) = self.unread.first_chunk::<5>().copied() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d]))?;
        ensure!((4..1 << 30).contains(&length), "a message of {length} bytes");
        let Some(body) = self.unread.get(5..=length) else { return Ok(None) };
        let message = Message { kind, body: body.to_vec() };
        self.unread.drain(..=length);
        Ok(Some(message))
    }

    /// False at the end of the connection.
    fn read_some(&mut self, limit: Duration) -> Result<bool> {
        let deadline = Instant::now() + limit;
        let mut buffer = [0; 64 * 1024];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("nothing was said for {limit:?}");
            }
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            if poll(&mut [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)], timeout)? > 0 {
                break;
            }
        }
        let count = self.output.read(&mut buffer)?;
        self.unread.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count > 0)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A StartupMessage, which has no kind.
pub fn startup(version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    body.push(0);
    // Without the kind that other messages have.
    wire::message(0, &[&body]).split_off(1)
}
