//! Says what was refused or changed. A full ring is counted and never changes the verdict.

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid};
use gateway_common::{
    event::{Act, Report, Why},
    flow::Origin,
};

use crate::{
    maps::{LOST, REPORTS},
    subject,
};

/// Reports an attempt of the running task.
#[inline(always)]
pub fn task(agent: u32, act: Act, why: Why) {
    send(&by_task(agent, act, why));
}

/// Reports an attempt of the running task at a socket of this family and protocol.
#[inline(always)]
pub fn socket(agent: u32, act: Act, why: Why, family: u32, protocol: u32) {
    let mut report = by_task(agent, act, why);
    report.family = family as u16;
    report.protocol = protocol as u16;
    send(&report);
}

/// Reports an attempt to reach the destination in `origin`.
#[inline(always)]
pub fn flow(origin: &Origin, act: Act, why: Why, protocol: u32) {
    let mut report = by_task(origin.agent, act, why);
    report.netns = origin.netns;
    report.addr = origin.addr;
    report.port = origin.port;
    report.family = u16::from(origin.family);
    report.protocol = protocol as u16;
    send(&report);
}

/// Reports something about a cgroup.
#[inline(always)]
pub fn cgroup(id: u64, agent: u32, act: Act) {
    send(&Report { at_ns: subject::boot_ns(), cgroup: id, agent, act: act as u8, ..Report::default() });
}

#[inline(always)]
fn by_task(agent: u32, act: Act, why: Why) -> Report {
    let ids = bpf_get_current_pid_tgid();
    Report {
        at_ns: subject::boot_ns(),
        cgroup: subject::current_cgroup(),
        comm: bpf_get_current_comm().unwrap_or_default(),
        agent,
        tgid: (ids >> 32) as u32,
        pid: ids as u32,
        uid: subject::uid(),
        act: act as u8,
        why: why as u8,
        ..Report::default()
    }
}

/// Packet hooks build their own report: not every kernel tells them the task.
#[inline(always)]
pub fn send(report: &Report) {
    if REPORTS.output(report, 0).is_err()
        && let Some(lost) = LOST.get_ptr_mut(0)
    {
        // SAFETY: this CPU's own slot, and the program is not preempted by itself.
        unsafe { *lost += 1 };
    }
}
