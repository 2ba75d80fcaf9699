//! Reading the kernel's own structures at the offsets that the enforcer found in its BTF.

use aya_ebpf::{cty::c_void, helpers::generated::bpf_probe_read_kernel};
use gateway_common::layout::{self, Layout};

/// Replaced by the enforcer with the running kernel's offsets before loading.
#[unsafe(no_mangle)]
pub static LAYOUT: Layout = layout::NONE;

/// A field's offset, read so that the compiler cannot fold the placeholder in.
macro_rules! offset {
    ($field:ident) => {{ $crate::kernel::volatile(&$crate::kernel::LAYOUT.$field) }};
}
pub(crate) use offset;

#[inline(always)]
pub fn volatile(at: &u32) -> usize {
    // SAFETY: a reference is readable.
    unsafe { core::ptr::read_volatile(at) as usize }
}

/// The pointer that stands `at` bytes behind `base`.
#[inline(always)]
pub fn follow(base: *const c_void, at: usize) -> *const c_void {
    read::<usize>(base, at) as *const c_void
}

/// Reads kernel memory; zero where there is none.
#[inline(always)]
pub fn read<T: Default>(base: *const c_void, at: usize) -> T {
    let mut value = T::default();
    // SAFETY: the helper checks the source; the destination is ours. A failed read leaves zeroes.
    unsafe {
        bpf_probe_read_kernel(
            core::ptr::from_mut(&mut value).cast(),
            size_of::<T>() as u32,
            base.wrapping_byte_add(at),
        );
    }
    value
}

/// The id of a `struct cgroup`.
#[inline(always)]
pub fn cgroup_id(cgroup: *const c_void) -> u64 {
    let node = follow(cgroup, offset!(cgroup_kn));
    read::<u64>(node, offset!(kn_id))
}
