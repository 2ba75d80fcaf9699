//! Room for the records: without a record nothing is forwarded.

use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::Finding;
use crate::config::Config;

const CHECK: &str = "records";
const MIB: u64 = 1024 * 1024;
/// Below this the gateway is about to refuse.
const BROKEN_BELOW: u64 = 64 * MIB;
const GAP_BELOW: u64 = 1024 * MIB;

pub fn check(config: &Config) -> Finding {
    let folder = &config.serve.records;
    let shown = folder.display();
    if !folder.is_dir() {
        let remedy = format!("install -d -m 0750 -o {} {shown}", config.serve.user);
        return Finding::broken(
            CHECK,
            format!("there is no folder {shown}, or it cannot be entered"),
            remedy,
        );
    }
    match free(folder) {
        Ok(free) => judge(free, folder),
        Err(error) => {
            Finding::broken(CHECK, format!("cannot ask for the room in {shown}: {error}"), "run as root")
        }
    }
}

/// Bytes that the gateway may still write.
fn free(folder: &Path) -> nix::Result<u64> {
    let facts = statvfs(folder)?;
    Ok(facts.blocks_available().saturating_mul(facts.fragment_size()))
}

fn judge(free: u64, folder: &Path) -> Finding {
    let what = format!("{} MiB free in {}", free / MIB, folder.display());
    let remedy = "make room: a full disk denies every connection";
    match free {
        0..BROKEN_BELOW => Finding::broken(CHECK, what, remedy),
        BROKEN_BELOW..GAP_BELOW => Finding::gap(CHECK, what, remedy),
        GAP_BELOW.. => Finding::ok(CHECK, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn a_disk_that_is_nearly_full_is_told_before_it_denies() {
        let outcome = |free| judge(free, Path::new("/")).outcome;
        assert_eq!(outcome(0), Outcome::Broken);
        assert_eq!(outcome(BROKEN_BELOW), Outcome::Gap);
        assert_eq!(outcome(GAP_BELOW), Outcome::Ok);
    }
}
