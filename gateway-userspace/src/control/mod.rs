//! The local socket that `postern status` asks: one JSON request, one JSON answer, and the end.
//!
//! It answers root and the group of `serve.user`. A process of an agent is refused whoever it runs as.

pub mod client;
pub mod counts;
pub mod live;
mod status;

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::gateway::Gateway;
pub use status::{EnforcerSeen, Status};

/// Longer requests are not read to their end.
const MAX_REQUEST: u64 = 4096;
/// Callers at once; the next wait.
const CALLERS: usize = 8;
/// How long a caller may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    Status,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Response {
    Status(Box<Status>),
    Refused { why: String },
}

/// The socket, before it is served.
#[derive(Debug)]
pub struct Control {
    listener: std::os::unix::net::UnixListener,
}

impl Control {
    /// Makes the socket, in place of one that a killed gateway left behind.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let act = || format!("cannot make the control socket {}", path.display());
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => anyhow::bail!("another gateway answers at {}", path.display()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(_) => std::fs::remove_file(path).with_context(act)?,
        }
        let listener = std::os::unix::net::UnixListener::bind(path).with_context(act)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).with_context(act)?;
        listener.set_nonblocking(true).with_context(act)?;
        Ok(Self { listener })
    }

    pub async fn serve(self, gateway: Arc<Gateway>) {
        let listener = match UnixListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "the control socket cannot be served"),
        };
        let callers = Arc::new(Semaphore::new(CALLERS));
        loop {
            let Ok(place) = Arc::clone(&callers).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let gateway = Arc::clone(&gateway);
                    tokio::spawn(async move {
                        if !matches!(timeout(PATIENCE, answer(&gateway, stream)).await, Ok(Ok(()))) {
                            tracing::debug!("a caller at the control socket got no answer");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a caller at the control socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn answer(gateway: &Gateway, mut stream: UnixStream) -> io::Result<()> {
    // Read in any case: closed with a request unread, the socket would swallow the answer.
    let mut request = Vec::new();
    (&mut stream).take(MAX_REQUEST).read_to_end(&mut request).await?;
    let response = match may_ask(gateway, &stream).await {
        Ok(()) => respond(gateway, &request).await,
        Err(why) => Response::Refused { why },
    };
    stream.write_all(&serde_json::to_vec(&response)?).await?;
    stream.shutdown().await
}

async fn respond(gateway: &Gateway, request: &[u8]) -> Response {
    match serde_json::from_slice(request) {
        Ok(Request::Status) => {
            let enforcer = EnforcerSeen::now(gateway).await;
            Response::Status(Box::new(Status::of(gateway, enforcer)))
        }
        Err(error) => Response::Refused { why: format!("the request is not understood: {error}") },
    }
}

/// The file's mode lets in root and the group; an agent may be one of either, and is found by its cgroup.
async fn may_ask(gateway: &Gateway, stream: &UnixStream) -> Result<(), String> {
    let peer = stream.peer_cred().map_err(|error| format!("cannot tell who asks: {error}"))?;
    let pid = peer.pid().ok_or("cannot tell which process asks")?;
    match gateway.enforcer.is_agent(pid).await {
        Ok(false) => Ok(()),
        Ok(true) => Err("agents may not ask".to_owned()),
        // Without the enforcer nobody can say which cgroups are agents'; then only root is sure to be none.
        Err(_) if peer.uid() == 0 => Ok(()),
        Err(_) => Err("the enforcer is gone; ask as root".to_owned()),
    }
}
