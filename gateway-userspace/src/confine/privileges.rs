//! Becoming an ordinary user for good.

use std::io;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{initgroups, setresgid, setresuid};

use super::{Account, ConfineError, Strength};
use crate::sys::capabilities;

/// Afterwards nothing that is executed gains anything either: set-user-id programs run as who calls them.
pub fn drop_to(account: &Account, strength: Strength) -> Result<(), ConfineError> {
    // An agent that is root by its operator's wish keeps what makes it root, unless the unit strength takes it.
    let keeps_capabilities = account.is_root() && strength == Strength::Baseline;
    if !keeps_capabilities {
        // Before the user changes, because emptying the bounding set is itself a privilege.
        done("empty the bounding set", capabilities::empty_bounding_set())?;
        done("empty the ambient set", capabilities::empty_ambient_set())?;
    }
    initgroups(&account.name, account.gid).map_err(failed("take the user's groups"))?;
    setresgid(account.gid, account.gid, account.gid).map_err(failed("take the user's group"))?;
    setresuid(account.uid, account.uid, account.uid).map_err(failed("become the user"))?;
    if !keeps_capabilities {
        done("drop capabilities", capabilities::drop_all())?;
    }
    prctl::set_no_new_privs().map_err(failed("refuse new privileges"))
}

fn done(act: &'static str, outcome: io::Result<()>) -> Result<(), ConfineError> {
    outcome.map_err(|source| ConfineError::Privileges { act, source })
}

fn failed(act: &'static str) -> impl Fn(Errno) -> ConfineError {
    move |error| ConfineError::Privileges { act, source: error.into() }
}
