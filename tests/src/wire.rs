//! PostgreSQL's protocol, spoken byte by byte: what no driver would send.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something to send, and how many times the server has to be ready again before the next.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    pub bytes: Vec<u8>,
    pub readies: usize,
    /// What is copied in when the server asks for it.
    pub copy: Vec<u8>,
}

impl Step {
    /// A simple query.
    pub fn query(text: &[u8]) -> Self {
        Self { bytes: message(b'Q', &[text, b"\0"]), readies: 1, copy: Vec::new() }
    }

    /// A statement with parameters, prepared and run without a name.
    pub fn prepared(text: &[u8], values: &[&str]) -> Self {
        let mut bytes = parse("", text);
        bytes.extend(bind("", "", values));
        bytes.extend(execute("", 0));
        bytes.extend(message(b'S', &[]));
        Self { bytes, readies: 1, copy: Vec::new() }
    }

    pub fn bytes(bytes: Vec<u8>, readies: usize) -> Self {
        Self { bytes, readies, copy: Vec::new() }
    }

    pub fn copying(mut self, data: &[u8]) -> Self {
        self.copy = data.to_vec();
        self
    }
}

/// A message of the frontend.
pub fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(length(4 + parts.iter().map(|part| part.len()).sum::<usize>()));
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

pub fn parse(name: &str, text: &[u8]) -> Vec<u8> {
    message(b'P', &[name.as_bytes(), b"\0", text, b"\0", &[0, 0]])
}

/// Binds text values.
pub fn bind(portal: &str, statement: &str, values: &[&str]) -> Vec<u8> {
    let mut body = [portal.as_bytes(), b"\0", statement.as_bytes(), b"\0", &[0, 0]].concat();
    body.extend(u16::try_from(values.len()).unwrap_or(u16::MAX).to_be_bytes());
    for value in values {
        body.extend(length(value.len()));
        body.extend_from_slice(value.as_bytes());
    }
    body.extend([0, 0]);
    message(b'B', &[&body])
}

pub fn execute(portal: &str, rows: u32) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), b"\0", &rows.to_be_bytes()])
}

pub fn sync() -> Vec<u8> {
    message(b'S', &[])
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

/// All that was heard in answer to some steps.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Heard {
    /// Every message as it came.
    pub bytes: Vec<u8>,
    /// SQLSTATE and message of each error.
    pub errors: Vec<(String, String)>,
    /// The tags of statements that succeeded.
    pub done: Vec<String>,
    /// The other side closed the connection before the last step was answered.
    pub closed: bool,
    pub took_ms: u64,
}

impl Heard {
    /// Whether a text, or the text in one of its usual disguises, is in the answers.
    pub fn shows(&self, text: &str) -> bool {
        self.bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes())
    }
}

/// A connection on which somebody has logged in.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    heard: Heard,
    unread: Vec<u8>,
    readies: usize,
}

impl Wire {
    /// Logs in where no password is asked for.
    pub fn log_in(address: SocketAddr, parameters: &[(&str, &str)]) -> Result<Self> {
        let stream = TcpStream::connect(address).context("cannot connect")?;
        stream.set_nodelay(true)?;
        let mut wire = Self { stream, heard: Heard::default(), unread: Vec::new(), readies: 0 };
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for (name, value) in parameters {
            body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        body.push(0);
        wire.stream.write_all(&[length(4 + body.len()).as_slice(), &body].concat())?;
        wire.listen(1, &[])?;
        ensure!(!wire.heard.closed, "cannot log in: {:?}", wire.heard.errors);
        wire.heard = Heard::default();
        Ok(wire)
    }

    /// Takes all steps, as far as the other side lets it.
    pub fn take(&mut self, steps: &[Step]) -> Result<Heard> {
        let start = Instant::now();
        for step in steps {
            if self.heard.closed {
                break;
            }
            // A connection that was closed says so when it is read.
            let _ = self.stream.write_all(&step.bytes);
            self.listen(step.readies, &step.copy)?;
        }
        self.heard.took_ms = u64::try_from(start.elapsed().as_millis())?;
        Ok(std::mem::take(&mut self.heard))
    }

    fn listen(&mut self, readies: usize, copy: &[u8]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        self.readies = 0;
        let mut buffer = [0; 16 * 1024];
        while self.readies < readies && !self.heard.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("no answer after {PATIENCE:?}");
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut buffer) {
                Ok(0) => self.heard.closed = true,
                Ok(count) => self.unread.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => (),
                Err(_) => self.heard.closed = true,
            }
            self.read_messages(copy)?;
        }
        Ok(())
    }

    fn read_messages(&mut self, copy: &[u8]) -> Result<()> {
        while let Some((kind, body)) = self.next_message() {
            match kind {
                b'Z' => self.readies += 1,
                b'E' => self.heard.errors.push((field(&body, b'C'), field(&body, b'M'))),
                b'C' => {
                    self.heard.done.push(String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned())
                }
                b'G' => {
                    let data = if copy.is_empty() { Vec::new() } else { message(b'd', &[copy]) };
                    self.stream.write_all(&[data, message(b'c', &[])].concat())?;
                }
                _ => (),
            }
        }
        Ok(())
    }

    fn next_message(&mut self) -> Option<(u8, Vec<u8>)> {
        let header: [u8; 5] = self.unread.get(..5)?.try_into().ok()?;
        let [kind, a, b, c, d] = header;
        let whole = 1 + usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        let body = self.unread.get(5..whole)?.to_vec();
        self.heard.bytes.extend(self.unread.drain(..whole));
        Some((kind, body))
    }
}

/// One field of an error.
fn field(body: &[u8], wanted: u8) -> String {
    let found = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&wanted));
    String::from_utf8_lossy(found.and_then(|field| field.get(1..)).unwrap_or_default()).into_owned()
}
