//! The signals that ask a service to stop, or to read its configuration again.

use std::convert::Infallible;
use std::future::pending;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Done when the process is asked to stop. From the call on, the signals do not kill it.
pub fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    })
}

/// Calls `reload` each time the process is asked to read its configuration again. From the call on, that
/// signal does not kill it.
pub fn on_reload(reload: impl Fn()) -> io::Result<impl Future<Output = Infallible>> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            if hangup.recv().await.is_none() {
                pending::<()>().await;
            }
            reload();
        }
    })
}
