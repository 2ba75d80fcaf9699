//! The user that an agent's command runs as.

use std::ffi::CString;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum AccountError {
    #[error("there is no user {0}")]
    Unknown(String),
    #[error("cannot look up the user {name}")]
    LookUp { name: String, source: Errno },
    #[error("the name of the user {0} contains a zero byte")]
    Name(String),
}

#[derive(Debug, Clone)]
pub struct Account {
    pub name: CString,
    pub uid: Uid,
    pub gid: Gid,
    pub home: PathBuf,
    pub shell: PathBuf,
}

impl Account {
    pub fn named(name: &str) -> Result<Self, AccountError> {
        let user = User::from_name(name)
            .map_err(|source| AccountError::LookUp { name: name.to_string(), source })?
            .ok_or_else(|| AccountError::Unknown(name.to_string()))?;
        let c_name = CString::new(user.name).map_err(|_| AccountError::Name(name.to_string()))?;
        Ok(Self { name: c_name, uid: user.uid, gid: user.gid, home: user.dir, shell: user.shell })
    }

    pub fn is_root(&self) -> bool {
        self.uid.is_root()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_or_not_at_all() {
        assert!(Account::named("root").unwrap().is_root());
        assert!(matches!(Account::named("no such user"), Err(AccountError::Unknown(_))));
    }
}
