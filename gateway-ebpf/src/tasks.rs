//! The second layer, everything that is no socket: other processes, leaving the cgroup, devices, and the enforcement
//! itself.

use aya_ebpf::{cty::c_void, macros::lsm, programs::LsmContext};
use gateway_common::event::{Act, Why};

use crate::{
    kernel::{cgroup_id, follow, offset, read},
    report, subject,
    unix::{self, ALLOW, DENY},
};

const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
const FMODE_WRITE: u32 = 2;
const MAY_WRITE: u32 = 2;
const MS_REMOUNT: u64 = 32;
const CGROUP2_MAGIC: u64 = 0x6367_7270;
const CGROUP1_MAGIC: u64 = 0x0027_e0eb;
const BPFFS_MAGIC: u64 = 0xcafe_4a11;
/// Modules, kernels to boot into, and their first file systems.
const KERNEL_CODE: core::ops::RangeInclusive<u32> = 2..=4;

#[lsm(hook = "ptrace_access_check")]
pub fn postern_ptrace_access_check(ctx: LsmContext) -> i32 {
    outsider(ctx.arg(0), Act::Inspect)
}

/// Signal 0 asks whether a process exists, which is no secret.
#[lsm(hook = "task_kill")]
pub fn postern_task_kill(ctx: LsmContext) -> i32 {
    let signal: u32 = ctx.arg(2);
    if signal == 0 { ALLOW } else { outsider(ctx.arg(0), Act::Signal) }
}

#[lsm(hook = "task_alloc")]
pub fn postern_task_alloc(ctx: LsmContext) -> i32 {
    let flags: u64 = ctx.arg(1);
    if flags & CLONE_INTO_CGROUP == 0 { ALLOW } else { closed(Act::CloneAway) }
}

#[lsm(hook = "file_open")]
pub fn postern_file_open(ctx: LsmContext) -> i32 {
    let file: *const c_void = ctx.arg(0);
    if read::<u32>(file, offset!(file_mode)) & FMODE_WRITE == 0 || !of_cgroups(file) {
        return ALLOW;
    }
    closed(Act::OpenCgroup)
}

/// Every read and write: a cgroup file that somebody else opened, and a socket that the kernel moves data into
/// without asking the socket hooks (`splice` before Linux 6.5).
#[lsm(hook = "file_permission")]
pub fn postern_file_permission(ctx: LsmContext) -> i32 {
    let Some(watch) = subject::current() else { return ALLOW };
    let mask: u32 = ctx.arg(1);
    if mask & MAY_WRITE != 0 && of_cgroups(ctx.arg(0)) {
        return closed(Act::OpenCgroup);
    }
    unix::judge_file(ctx.arg(0), watch, Act::UseSocket)
}

#[lsm(hook = "bpf")]
pub fn postern_bpf(_ctx: LsmContext) -> i32 {
    closed(Act::Bpf)
}

#[lsm(hook = "perf_event_open")]
pub fn postern_perf_event_open(_ctx: LsmContext) -> i32 {
    closed(Act::Perf)
}

#[lsm(hook = "tun_dev_create")]
pub fn postern_tun_dev_create(_ctx: LsmContext) -> i32 {
    closed(Act::Tun)
}

#[lsm(hook = "tun_dev_open")]
pub fn postern_tun_dev_open(_ctx: LsmContext) -> i32 {
    closed(Act::Tun)
}

#[lsm(hook = "kernel_read_file")]
pub fn postern_kernel_read_file(ctx: LsmContext) -> i32 {
    kernel_code(ctx.arg(1))
}

#[lsm(hook = "kernel_load_data")]
pub fn postern_kernel_load_data(ctx: LsmContext) -> i32 {
    kernel_code(ctx.arg(0))
}

#[lsm(hook = "inode_unlink")]
pub fn postern_inode_unlink(ctx: LsmContext) -> i32 {
    pin(ctx.arg(1))
}

#[lsm(hook = "inode_rmdir")]
pub fn postern_inode_rmdir(ctx: LsmContext) -> i32 {
    pin(ctx.arg(1))
}

#[lsm(hook = "inode_rename")]
pub fn postern_inode_rename(ctx: LsmContext) -> i32 {
    pin(ctx.arg(1))
}

#[lsm(hook = "sb_umount")]
pub fn postern_sb_umount(ctx: LsmContext) -> i32 {
    let mount: *const c_void = ctx.arg(0);
    match magic(follow(mount, offset!(mnt_sb))) {
        BPFFS_MAGIC | CGROUP2_MAGIC | CGROUP1_MAGIC => closed(Act::Unmount),
        _ => ALLOW,
    }
}

/// A service manager's child changes the flags of mounts while it is in the agent's cgroup already; that covers nothing.
#[lsm(hook = "sb_mount")]
pub fn postern_sb_mount(ctx: LsmContext) -> i32 {
    let flags: u64 = ctx.arg(3);
    if flags & MS_REMOUNT == 0 { mount_over(ctx.arg(1)) } else { ALLOW }
}

#[lsm(hook = "move_mount")]
pub fn postern_move_mount(ctx: LsmContext) -> i32 {
    mount_over(ctx.arg(1))
}

/// What is mounted over the pins hides them from whoever looks after them.
#[inline(always)]
fn mount_over(path: *const c_void) -> i32 {
    let dentry = follow(path, offset!(path_dentry));
    if magic(follow(dentry, offset!(dentry_sb))) == BPFFS_MAGIC { closed(Act::Unmount) } else { ALLOW }
}

/// A file of a cgroup hierarchy of either version.
#[inline(always)]
fn of_cgroups(file: *const c_void) -> bool {
    let inode = follow(file, offset!(file_inode));
    matches!(magic(follow(inode, offset!(inode_sb))), CGROUP2_MAGIC | CGROUP1_MAGIC)
}

/// Removing a pinned link would take its program away.
#[inline(always)]
fn pin(dentry: *const c_void) -> i32 {
    if magic(follow(dentry, offset!(dentry_sb))) == BPFFS_MAGIC { closed(Act::Unpin) } else { ALLOW }
}

#[inline(always)]
fn kernel_code(kind: u32) -> i32 {
    if KERNEL_CODE.contains(&kind) { closed(Act::LoadModule) } else { ALLOW }
}

#[inline(always)]
fn magic(sb: *const c_void) -> u64 {
    read::<u64>(sb, offset!(sb_magic))
}

/// Closed to every agent.
#[inline(always)]
fn closed(act: Act) -> i32 {
    let Some(watch) = subject::current() else { return ALLOW };
    report::task(watch.agent, act, Why::Closed);
    DENY
}

/// A process of the same agent is no outsider.
#[inline(always)]
fn outsider(task: *const c_void, act: Act) -> i32 {
    let Some(watch) = subject::current() else { return ALLOW };
    let set = follow(task, offset!(task_cgroups));
    let there = subject::of_cgroup(cgroup_id(follow(set, offset!(css_set_dfl))));
    if there.is_some_and(|other| other.agent == watch.agent) {
        return ALLOW;
    }
    report::task(watch.agent, act, Why::Outsider);
    DENY
}
