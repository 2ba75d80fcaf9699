//! The signals that ask a service to stop.

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
