//! Asks a running gateway, from another process.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::{Request, Response, Status};
use crate::report::WithHelp;

/// How long the gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longer answers are not read to their end.
const MAX_RESPONSE: u64 = 16 * 1024 * 1024;

pub fn status(socket: &Path) -> anyhow::Result<Status> {
    let mut stream = UnixStream::connect(socket)
        .with_context(|| format!("cannot reach the gateway at {}", socket.display()))
        .help("start it with `systemctl start postern`, and ask as root or as a member of its group")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&serde_json::to_vec(&Request::Status)?).context("cannot ask the gateway")?;
    stream.shutdown(Shutdown::Write).context("cannot ask the gateway")?;
    let mut answer = Vec::new();
    stream.take(MAX_RESPONSE).read_to_end(&mut answer).context("the gateway did not answer")?;
    match serde_json::from_slice(&answer).context("the gateway's answer is not understood")? {
        Response::Status(status) => Ok(*status),
        Response::Refused { why } => anyhow::bail!("the gateway does not answer: {why}"),
    }
}
