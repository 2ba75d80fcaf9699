//! What waits, kept on the screen until it is interrupted.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{List, Which, ask, list};

const EVERY: Duration = Duration::from_secs(1);
/// Home, and everything below it cleared.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub fn run(socket: &Path) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    let clear = if out.is_terminal() { CLEAR } else { "" };
    let mut before = None;
    loop {
        let screen = list(&ask::<List>(socket, &Which { all: false })?);
        // A file or a pipe hears only what is new.
        if !clear.is_empty() || before.as_ref() != Some(&screen) {
            let how = "\npostern approvals show REQUEST, then approve or deny\n";
            write!(out, "{clear}{screen}{}", if clear.is_empty() { "" } else { how })?;
            out.flush()?;
        }
        before = Some(screen);
        thread::sleep(EVERY);
    }
}
