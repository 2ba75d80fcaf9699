//! Whose a connection is: the enforcer is asked, and without its answer the answer is no.
//!
//! `wire.rs` is what both processes say, `enforcer.rs` asks, `notices.rs` listens to what the enforcer tells
//! unasked. The enforcer's own side is in `enforce/`.

mod enforcer;
pub mod notices;
pub mod status;
pub mod wire;

use gateway_audit::event::{Exe, Who};

pub use enforcer::Enforcer;
use wire::{Attribution, ExeFacts};

impl From<&Attribution> for Who {
    fn from(whose: &Attribution) -> Self {
        Self {
            agent: whose.agent.clone(),
            cgroup_id: whose.cgroup_id,
            cgroup_path: whose.cgroup_path.clone(),
            netns: whose.netns,
            tgid: whose.tgid,
            pid: whose.pid,
            uid: whose.uid,
            gid: whose.gid,
            comm: whose.comm.clone(),
            exe: whose.exe.as_ref().map(Exe::from),
        }
    }
}

impl From<&ExeFacts> for Exe {
    fn from(exe: &ExeFacts) -> Self {
        let (sha256, unhashed) = match &exe.sha256 {
            Ok(hash) => (Some(hash.clone()), None),
            Err(why) => (None, Some(*why)),
        };
        Self { path: exe.path.clone(), sha256, unhashed }
    }
}
