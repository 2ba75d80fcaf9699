//! The gateway parses hostile bytes, so it holds no privilege: an ordinary user, no capability, no way to
//! gain one, and a memory that its user's other processes cannot read.

use anyhow::{Context, bail};
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, User, geteuid, setgid, setgroups, setuid};

use super::memory;
use crate::report::WithHelp;
use crate::sys::capabilities;

/// The user that the gateway runs as.
pub fn service_user(name: &str) -> anyhow::Result<User> {
    User::from_name(name)
        .with_context(|| format!("cannot look up the user `{name}`"))?
        .with_context(|| format!("there is no user `{name}`"))
        .help(format!("make it with `useradd --system --no-create-home {name}`, or set serve.user"))
}

/// From here on the process is `user`'s. Call it before there is a second thread: some of this holds for
/// the calling thread and those it starts.
pub fn give_up(user: &User) -> anyhow::Result<()> {
    if user.uid.is_root() {
        bail!("serve.user is root, and the gateway does not run as root");
    }
    // No program that the process starts can gain a capability. Whoever may not empty the set has nothing that could be
    // gained by it either.
    let _ = capabilities::empty_bounding_set();
    if geteuid().is_root() {
        become_user(user.uid, user.gid).with_context(|| format!("cannot become the user `{}`", user.name))?;
    } else if geteuid() != user.uid {
        return Err(anyhow::anyhow!("the gateway runs as user {}, not as `{}`", geteuid(), user.name))
            .help("start it as that user or as root, or set serve.user");
    }
    capabilities::drop_all().context("cannot drop the capabilities")?;
    prctl::set_no_new_privs().context("cannot give up gaining privileges")?;
    memory::close()
}

fn become_user(uid: Uid, gid: Gid) -> nix::Result<()> {
    setgroups(&[gid])?;
    setgid(gid)?;
    setuid(uid)
}
