//! The control socket: HTTP and JSON over a unix socket, for the command line and for whoever has a role here.
//!
//! A call is a type ([`call::Call`]) in the file of what it is about, and one line in `api.rs`, which does for all calls
//! what must not be forgotten by any. `caller.rs` finds out who asks, `role.rs` what they may, `stream.rs` is the
//! connection, `openapi.rs` the document, `client.rs` the other side.

mod api;
pub mod call;
pub mod caller;
pub mod client;
pub mod counts;
pub mod live;
mod openapi;
pub mod reload;
pub mod role;
mod status;
mod stream;

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::report::one_line;
use crate::sys::writer;
pub use status::{EnforcerSeen, Status};
use stream::Stream;

/// Callers of one user at once. Whoever comes beyond that is not heard, and takes no place from others.
const CALLERS: usize = 16;
/// The same for all that are not root.
const ALL_CALLERS: usize = 64;
/// How long the head of a request may take to arrive, and how long it may be.
const HEAD: Duration = Duration::from_secs(5);
const MAX_HEAD: usize = 16 * 1024;
/// How long a caller may take in all.
const PATIENCE: Duration = Duration::from_secs(120);

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
        writer::tell(&listener).with_context(act)?;
        Ok(Self { listener })
    }

    pub async fn serve(self, gateway: Arc<Gateway>) {
        let listener = match UnixListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "the control socket cannot be served"),
        };
        let router = api::router(gateway);
        let places = Arc::new(Places::default());
        loop {
            match listener.accept().await {
                Ok((socket, _)) => attend(socket, &router, &places),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a caller at the control socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// Answers one caller beside the others, if there is a place for it.
fn attend(socket: UnixStream, router: &Router, places: &Arc<Places>) {
    let stream = match Stream::new(socket) {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%error, "cannot tell who is at the control socket"),
    };
    let peer = stream.peer().clone();
    let Some(place) = Places::take(places, peer.uid) else {
        return tracing::debug!(peer.uid, "too many callers at the control socket");
    };
    let service = TowerToHyperService::new(router.clone().layer(Extension(peer)));
    tokio::spawn(async move {
        let answering = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(MAX_HEAD)
            // One question to a connection: who may ask is found out anew for each.
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        match timeout(PATIENCE, answering).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => {
                tracing::debug!(error = one_line(&error), "a caller at the control socket got no answer")
            }
            Err(_) => tracing::debug!("a caller at the control socket took too long"),
        }
        drop(place);
    });
}

/// Who is being answered, by user.
#[derive(Debug, Default)]
struct Places(Mutex<HashMap<u32, usize>>);

/// One caller's place.
#[derive(Debug)]
struct Taken {
    places: Arc<Places>,
    uid: u32,
}

impl Places {
    fn take(places: &Arc<Self>, uid: u32) -> Option<Taken> {
        let mut taken = places.0.lock().unwrap_or_else(PoisonError::into_inner);
        let others: usize = taken.iter().filter(|(uid, _)| **uid != 0).map(|(_, count)| count).sum();
        let own = taken.entry(uid).or_default();
        if *own >= CALLERS || (uid != 0 && others >= ALL_CALLERS) {
            return None;
        }
        *own += 1;
        Some(Taken { places: Arc::clone(places), uid })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_takes_no_place_from_others_and_nobody_any_from_root() {
        let places = Arc::new(Places::default());
        let _own: Vec<_> = (0..CALLERS).map(|_| Places::take(&places, 7).expect("a place")).collect();
        assert!(Places::take(&places, 7).is_none());
        let others: Vec<_> = (CALLERS..ALL_CALLERS)
            .map(|number| Places::take(&places, 100 + number as u32).expect("a place"))
            .collect();
        assert!(Places::take(&places, 9999).is_none());
        assert!(Places::take(&places, 0).is_some());
        drop(others);
        assert!(Places::take(&places, 9999).is_some());
    }
}
