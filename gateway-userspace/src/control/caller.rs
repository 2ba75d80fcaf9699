//! Who is asking at the control socket: what the kernel says of the process at the other end, and what the host says
//! of its user.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_audit::control::Asker;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::time::timeout;

use super::role::Role;
use crate::config::Control;
use crate::gateway::Gateway;

/// How long the host may take to look up a user and its groups.
const LOOKING_UP: Duration = Duration::from_secs(5);
/// Processes that may write on one connection.
const WRITERS: usize = 4;
/// What the kernel says of who never logged in.
const NO_LOGIN: u32 = u32::MAX;

/// What the kernel says of the other end.
#[derive(Debug, Clone)]
pub struct Peer {
    pub uid: u32,
    pub gid: u32,
    pub pid: i32,
    writers: Arc<Mutex<BTreeSet<i32>>>,
}

impl Peer {
    pub fn new(uid: u32, gid: u32, pid: i32) -> Self {
        Self { uid, gid, pid, writers: Arc::default() }
    }

    /// Whoever connected may have handed the connection on, so each piece of it says who wrote it.
    pub fn wrote(&self, pid: i32) {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        if writers.len() <= WRITERS {
            writers.insert(pid);
        }
    }

    /// All processes that had a hand in what was asked.
    fn processes(&self) -> Option<BTreeSet<i32>> {
        let mut all = self.writers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.insert(self.pid);
        // One that the kernel has no number for here cannot be looked at.
        (all.len() <= WRITERS && all.iter().all(|pid| *pid > 0)).then_some(all)
    }

    /// How records name somebody about whom nothing else is known.
    pub fn asker(&self) -> Asker {
        Asker {
            uid: self.uid,
            login_uid: login_uid(self.pid),
            pid: self.pid.unsigned_abs(),
            user: None,
            person: None,
        }
    }
}

/// A user of this host with its groups, as the host names them now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub user: Option<String>,
    pub groups: Vec<String>,
}

/// Somebody who may ask.
#[derive(Debug, Clone)]
pub struct Caller {
    pub asker: Asker,
    pub role: Role,
    pub groups: Vec<String>,
}

impl Caller {
    /// The person, if the configuration names one.
    pub fn person(&self) -> Option<&str> {
        self.asker.person.as_deref()
    }

    /// Nobody is let in about whom something is not known. The sentence says what.
    pub async fn identify(gateway: &Gateway, peer: &Peer) -> Result<Self, String> {
        is_no_agent(gateway, peer).await?;
        let control = &gateway.reception.config().control;
        let account = look_up(peer.uid, peer.gid).await?;
        let role = Role::of(&account, control).ok_or_else(|| {
            let name = account.user.clone().unwrap_or_else(|| peer.uid.to_string());
            format!("[control] gives user {name} no role")
        })?;
        let login_uid = login_uid(peer.pid);
        let person = person(&account, login_uid, control).await;
        let asker = Asker { user: account.user, person, login_uid, ..peer.asker() };
        Ok(Self { asker, role, groups: account.groups })
    }
}

/// The file's mode lets in root and the group; an agent may be one of either, and is found by its cgroup.
async fn is_no_agent(gateway: &Gateway, peer: &Peer) -> Result<(), String> {
    let processes = peer.processes().ok_or("it cannot be told which process asks")?;
    for pid in processes {
        match gateway.enforcer.is_agent(pid).await {
            Ok(false) => (),
            Ok(true) => return Err("agents may not ask".to_owned()),
            // Without the enforcer nobody can say which cgroups are agents'; then only root is sure to be none.
            Err(_) if peer.uid == 0 && no_agent_is_root(gateway) => (),
            Err(_) => return Err("the enforcer is gone; ask as root".to_owned()),
        }
    }
    Ok(())
}

fn no_agent_is_root(gateway: &Gateway) -> bool {
    gateway.reception.config().agents.values().all(|agent| !agent.danger_root)
}

/// The host may ask a directory far away.
async fn look_up(uid: u32, gid: u32) -> Result<Account, String> {
    let looking = tokio::task::spawn_blocking(move || account(uid, gid));
    match timeout(LOOKING_UP, looking).await {
        Ok(Ok(found)) => found.map_err(|error| format!("the host does not say who user {uid} is: {error}")),
        Ok(Err(_)) | Err(_) => Err(format!("the host does not say in time who user {uid} is")),
    }
}

fn account(uid: u32, gid: u32) -> nix::Result<Account> {
    let user = User::from_uid(Uid::from_raw(uid))?.map(|user| user.name);
    let gid = Gid::from_raw(gid);
    let all = match user.as_deref().map(CString::new) {
        Some(Ok(name)) => getgrouplist(&name, gid)?,
        _ => vec![gid],
    };
    let mut groups = Vec::new();
    for gid in all {
        groups.extend(Group::from_gid(gid)?.map(|group| group.name));
    }
    Ok(Account { uid, user, groups })
}

/// Root is whoever had logged in before.
async fn person(account: &Account, login_uid: Option<u32>, control: &Control) -> Option<String> {
    let named = |user: &Option<String>| control.people.get(user.as_deref()?).cloned();
    match login_uid {
        Some(uid) if account.uid == 0 && uid != 0 => {
            let before = look_up(uid, uid).await.ok()?;
            named(&before.user)
        }
        _ => named(&account.user),
    }
}

fn login_uid(pid: i32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    text.trim().parse().ok().filter(|uid| *uid != NO_LOGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_with_many_writers_or_an_unknown_one_is_nobodys() {
        let peer = Peer::new(0, 0, 1);
        peer.wrote(2);
        assert_eq!(peer.processes().map(|all| all.len()), Some(2));
        peer.wrote(0);
        assert_eq!(peer.processes(), None);
        let peer = Peer::new(0, 0, 1);
        for pid in 2..10 {
            peer.wrote(pid);
        }
        assert_eq!(peer.processes(), None);
    }

    #[test]
    fn the_host_knows_root_and_its_group() {
        let root = account(0, 0).expect("an account");
        assert_eq!(root.user.as_deref(), Some("root"));
        assert!(root.groups.contains(&"root".to_owned()), "{root:?}");
    }

    #[tokio::test]
    async fn whoever_became_root_is_the_person_who_logged_in() {
        let control =
            crate::config::fixture("[control.people]\nroot = \"nobody\"\ndaemon = \"d@example.com\"\n")
                .control;
        let root = Account { uid: 0, user: Some("root".to_owned()), groups: Vec::new() };
        assert_eq!(person(&root, Some(1), &control).await.as_deref(), Some("d@example.com"));
        assert_eq!(person(&root, None, &control).await.as_deref(), Some("nobody"));
        let other = Account { uid: 5, user: Some("other".to_owned()), groups: Vec::new() };
        assert_eq!(person(&other, Some(1), &control).await, None);
    }
}
