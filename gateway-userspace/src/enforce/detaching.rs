//! The record of the one act that sets agents free.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::SystemTime,
};

use gateway_audit::event::{Event, Record};

use crate::audit::timestamp;

/// Beside the gateway's own records, which have one writer.
const FILE: &str = "enforcer.jsonl";

/// Written to the disk before anything is taken away.
pub fn record(folder: &Path) -> io::Result<()> {
    let event = Event::Detached { uid: nix::unistd::getuid().as_raw(), login_uid: login_uid() };
    let mut line = serde_json::to_vec(&Record { at: timestamp(SystemTime::now()), event })?;
    line.push(b'\n');
    fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().append(true).create(true).mode(0o640).open(folder.join(FILE))?;
    file.write_all(&line)?;
    file.sync_all()
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
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        let events: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len(), 2);
        assert!(matches!(events[0].event, Event::Detached { .. }));
    }
}
