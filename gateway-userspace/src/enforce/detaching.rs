//! The record of the one act that sets agents free.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::SystemTime,
};

use gateway_audit::chain::Chain;
use gateway_audit::event::Event;
use gateway_audit::{layout, reader};

use crate::audit::timestamp;

/// Written to the disk before anything is taken away. It is beside the gateway's own records, which have one writer, and a
/// chain of its own.
pub fn record(folder: &Path) -> io::Result<()> {
    let event = Event::Detached { uid: nix::unistd::getuid().as_raw(), login_uid: login_uid() };
    fs::create_dir_all(folder)?;
    let path = folder.join(layout::ENFORCER);
    let mut file = OpenOptions::new().append(true).create(true).mode(0o640).open(&path)?;
    let mut chain = end_of(&path)?;
    let mut line = Vec::new();
    chain.add(&timestamp(SystemTime::now()), &event, &mut line).map_err(io::Error::other)?;
    file.write_all(&line)?;
    file.sync_all()
}

fn end_of(path: &Path) -> io::Result<Chain> {
    let mut chain = Chain::EMPTY;
    let mut lines = reader::Lines::open(path).map_err(io::Error::other)?;
    while let Some((_, line)) = lines.read().map_err(io::Error::other)? {
        chain = Chain::after(line).unwrap_or(chain);
    }
    Ok(chain)
}

/// Who logged in, before any sudo. Not set on hosts without a login.
fn login_uid() -> Option<u32> {
    let text = fs::read_to_string("/proc/self/loginuid").ok()?;
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_the_enforcement_away_leaves_a_line() {
        let folder = tempfile::tempdir().unwrap();
        record(folder.path()).unwrap();
        record(folder.path()).unwrap();
        let records = reader::everything(folder.path()).unwrap();
        assert_eq!(records.len(), 2);
        assert!(records.iter().all(|record| matches!(record.event, Event::Detached { .. })));
        assert_eq!(records[1].seq, 1);
    }
}
