//! Recognises agents' cgroups at the moment they are made, before a process can be in one, whether or not the
//! enforcer is alive; and forgets them when nothing can belong to them any more.

use aya_ebpf::{
    btf_maps::lpm_trie::Key, cty::c_void, helpers::generated::bpf_probe_read_kernel_str,
    macros::raw_tracepoint, programs::RawTracePointContext,
};
use gateway_common::{
    event::Act,
    watch::{PATTERN_LEN, PatternText, Watch, subject as compared},
};

use crate::{
    kernel::{cgroup_id, follow, offset, read},
    maps::{PATTERNS, SETTINGS, WATCHED},
    report, subject,
};

/// Room for the text behind the subject byte.
const TEXT_LEN: u32 = PATTERN_LEN as u32 - 1;
const ALL_BITS: u32 = PATTERN_LEN as u32 * 8;

#[raw_tracepoint(tracepoint = "cgroup_mkdir")]
pub fn postern_cgroup_mkdir(ctx: RawTracePointContext) -> i32 {
    let cgroup: *const c_void = ctx.arg(0);
    if of_version_1(cgroup) {
        return 0;
    }
    let watch = match inherited(cgroup) {
        Some(watch) => watch,
        None => match matching(ctx.arg(1)) {
            Some(watch) => watch,
            None => return 0,
        },
    };
    let id = cgroup_id(cgroup);
    if WATCHED.insert(id, watch, 0).is_err()
        && let Some(settings) = SETTINGS.get_ptr_mut(0)
    {
        // SAFETY: one aligned integer of the map's only entry.
        unsafe { (*settings).crowded = 1 };
    }
    report::cgroup(id, watch.agent, Act::CgroupMade);
    0
}

/// Fires when the last reference is gone, sockets included, so that no packet of a late socket goes unjudged.
#[raw_tracepoint(tracepoint = "cgroup_release")]
pub fn postern_cgroup_release(ctx: RawTracePointContext) -> i32 {
    let cgroup: *const c_void = ctx.arg(0);
    if of_version_1(cgroup) {
        return 0;
    }
    let id = cgroup_id(cgroup);
    if let Some(watch) = subject::of_cgroup(id) {
        let _ = WATCHED.remove(id);
        report::cgroup(id, watch.agent, Act::CgroupGone);
    }
    0
}

#[inline(always)]
fn inherited(cgroup: *const c_void) -> Option<Watch> {
    let css = follow(cgroup, offset!(cgroup_parent_css));
    if css.is_null() {
        return None;
    }
    subject::of_cgroup(cgroup_id(follow(css, offset!(css_cgroup))))
}

#[inline(always)]
fn matching(path: *const c_void) -> Option<Watch> {
    let mut key = Key::new(ALL_BITS, [0_u8; PATTERN_LEN]);
    fill(&mut key.data, compared::PATH, path);
    if let Some(watch) = PATTERNS.get(&key) {
        return Some(*watch);
    }
    let start = behind_last_slash(&key.data);
    fill(&mut key.data, compared::NAME, path.wrapping_byte_add(start));
    PATTERNS.get(&key).copied()
}

/// What stands behind the new text's end is left over from an older one; a pattern ends before or at that end.
#[inline(always)]
fn fill(text: &mut PatternText, subject: u8, from: *const c_void) {
    text[0] = subject;
    // SAFETY: TEXT_LEN bytes stand behind the first.
    unsafe { bpf_probe_read_kernel_str(text.as_mut_ptr().add(1).cast(), TEXT_LEN, from) };
}

/// How far into the path its last component begins. The text is the path behind a subject byte.
#[inline(always)]
fn behind_last_slash(text: &PatternText) -> usize {
    let mut start = 0;
    let mut at = 1;
    while at < PATTERN_LEN {
        let byte = text[at];
        if byte == 0 {
            break;
        }
        if byte == b'/' {
            start = at;
        }
        at += 1;
    }
    start
}

/// Version 1 hierarchies have ids of their own that mean nothing here.
#[inline(always)]
fn of_version_1(cgroup: *const c_void) -> bool {
    let root = follow(cgroup, offset!(cgroup_root));
    read::<i32>(root, offset!(root_hierarchy)) != 0
}
