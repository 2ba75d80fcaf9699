//! The folders of the gateway. The packages make them; started as root by hand, the gateway makes what is
//! missing before it stops being root.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;
use nix::unistd::{Group, User, chown, geteuid};

use crate::config::Config;

/// Group members may read records; nobody else sees that there are any.
const RECORDS_MODE: u32 = 0o750;
/// What is made inside has the folder's group.
const SET_GROUP: u32 = 0o2000;
/// Who may read records.
const READERS: &str = "postern-audit";
const LOGINS_MODE: u32 = 0o700;
const STATE_MODE: u32 = 0o700;
const AUTHORITY_MODE: u32 = 0o700;
/// What agents believe is no secret to anybody.
const TRUST_MODE: u32 = 0o755;
const RUN_MODE: u32 = 0o755;

pub fn prepare(config: &Config, user: &User) -> anyhow::Result<()> {
    let serve = &config.serve;
    if !geteuid().is_root() {
        return Ok(());
    }
    make(&serve.records, RECORDS_MODE)?;
    hand_over_records(&serve.records, user)?;
    make(&serve.state, STATE_MODE)?;
    hand_over(&serve.state, user)?;
    if config.makes_logins() {
        make(&serve.logins, LOGINS_MODE)?;
        hand_over(&serve.logins, user)?;
    }
    if config.certified_hosts().next().is_some() {
        make(&serve.authority, AUTHORITY_MODE)?;
        hand_over(&serve.authority, user)?;
        make(&serve.trust, TRUST_MODE)?;
        hand_over(&serve.trust, user)?;
    }
    serve.control.parent().map_or(Ok(()), |parent| make(parent, RUN_MODE))
}

/// Gives the records to the user, and to the group of those who may read them where there is one. What is made in the
/// folder belongs to that group too.
fn hand_over_records(folder: &Path, user: &User) -> anyhow::Result<()> {
    let readers = Group::from_name(READERS).context("cannot look up who may read records")?;
    let group = readers.map_or(user.gid, |readers| readers.gid);
    let mode = if group == user.gid { RECORDS_MODE } else { RECORDS_MODE | SET_GROUP };
    let act = || format!("cannot give {} to `{}`", folder.display(), user.name);
    chown(folder, Some(user.uid), Some(group)).with_context(act)?;
    fs::set_permissions(folder, Permissions::from_mode(mode)).with_context(act)
}

/// Gives a path to the user, if that is still possible.
pub fn hand_over(path: &Path, user: &User) -> anyhow::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    chown(path, Some(user.uid), Some(user.gid))
        .with_context(|| format!("cannot give {} to `{}`", path.display(), user.name))
}

fn make(folder: &Path, mode: u32) -> anyhow::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    DirBuilder::new().mode(mode).create(folder).with_context(|| format!("cannot make {}", folder.display()))
}
