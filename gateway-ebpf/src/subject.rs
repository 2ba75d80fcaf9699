//! Who is being judged: the running task, or the owner of a socket.

use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid,
    generated::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id, bpf_ktime_get_boot_ns},
};
use gateway_common::{flow::Origin, settings::Settings, watch::Watch};

use crate::maps::{SETTINGS, WATCHED};

/// The agent that a cgroup belongs to.
#[inline(always)]
pub fn of_cgroup(id: u64) -> Option<Watch> {
    // SAFETY: the value is copied at once; a torn copy of two integers is an agent's old and new flags at worst.
    unsafe { WATCHED.get(id) }.copied()
}

/// The agent that the running task belongs to.
#[inline(always)]
pub fn current() -> Option<Watch> {
    if let Some(watch) = of_cgroup(current_cgroup()) {
        return Some(watch);
    }
    // SAFETY: takes a number, always answers.
    crowded_search(|level| unsafe { bpf_get_current_ancestor_cgroup_id(level) })
}

/// Deeper than this an agent's cgroup does not lie.
const LEVELS: i32 = 12;

/// Only while the list is full: a cgroup that found no room belongs to whom its ancestors belong.
#[inline(always)]
pub fn crowded_search(ancestor: impl Fn(i32) -> u64) -> Option<Watch> {
    if settings().crowded == 0 {
        return None;
    }
    let mut level = 1;
    while level < LEVELS {
        let id = ancestor(level);
        if id == 0 {
            return None;
        }
        if let Some(watch) = of_cgroup(id) {
            return Some(watch);
        }
        level += 1;
    }
    None
}

#[inline(always)]
pub fn current_cgroup() -> u64 {
    // SAFETY: takes nothing, always answers.
    unsafe { bpf_get_current_cgroup_id() }
}

#[inline(always)]
pub fn boot_ns() -> u64 {
    // SAFETY: takes nothing, always answers.
    unsafe { bpf_ktime_get_boot_ns() }
}

#[inline(always)]
pub fn uid() -> u32 {
    bpf_get_current_uid_gid() as u32
}

#[inline(always)]
pub fn settings() -> Settings {
    SETTINGS.get(0).copied().unwrap_or_default()
}

/// The running task as the author of a flow; destination and route are the caller's to fill.
#[inline(always)]
pub fn author(agent: u32) -> Origin {
    let ids = bpf_get_current_pid_tgid();
    let owner = bpf_get_current_uid_gid();
    Origin {
        cgroup: current_cgroup(),
        at_ns: boot_ns(),
        comm: bpf_get_current_comm().unwrap_or_default(),
        agent,
        tgid: (ids >> 32) as u32,
        pid: ids as u32,
        uid: owner as u32,
        gid: (owner >> 32) as u32,
        ..Origin::default()
    }
}
