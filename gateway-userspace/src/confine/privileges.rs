//! Becoming an ordinary user for good.

use std::io;

use caps::{CapSet, errors::CapsError};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{initgroups, setresgid, setresuid};

use super::{Account, ConfineError, Strength};

/// Afterwards nothing that is executed gains anything either: set-user-id programs run as who calls them.
pub fn drop_to(account: &Account, strength: Strength) -> Result<(), ConfineError> {
    // An agent that is root by its operator's wish keeps what makes it root, unless the unit strength takes it.
    let keeps_capabilities = account.is_root() && strength == Strength::Baseline;
    if !keeps_capabilities {
        // Before the user changes, because emptying the bounding set is itself a privilege.
        clear(CapSet::Bounding, "empty the bounding set")?;
        clear(CapSet::Ambient, "empty the ambient set")?;
    }
    initgroups(&account.name, account.gid).map_err(failed("take the user's groups"))?;
    setresgid(account.gid, account.gid, account.gid).map_err(failed("take the user's group"))?;
    setresuid(account.uid, account.uid, account.uid).map_err(failed("become the user"))?;
    if !keeps_capabilities {
        clear(CapSet::Inheritable, "drop inheritable capabilities")?;
        clear(CapSet::Permitted, "drop capabilities")?;
    }
    prctl::set_no_new_privs().map_err(failed("refuse new privileges"))
}

fn clear(set: CapSet, act: &'static str) -> Result<(), ConfineError> {
    caps::clear(None, set)
        .map_err(|error: CapsError| ConfineError::Privileges { act, source: io::Error::other(error) })
}

fn failed(act: &'static str) -> impl Fn(Errno) -> ConfineError {
    move |error| ConfineError::Privileges { act, source: error.into() }
}
