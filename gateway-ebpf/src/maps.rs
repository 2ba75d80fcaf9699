//! Every map, once. The enforcer pins them all by these names.

use aya_ebpf::{
    bindings::{
        BPF_F_CLONE, BPF_F_NO_PREALLOC, BPF_SK_STORAGE_GET_F_CREATE, bpf_map_type::BPF_MAP_TYPE_SK_STORAGE,
    },
    btf_maps::{Array, HashMap, LpmTrie, LruHashMap, PerCpuArray, RingBuf},
    cty::c_void,
    helpers::generated::bpf_sk_storage_get,
    macros::btf_map,
};
use gateway_common::{
    event::Report,
    flow::{Origin, PendingKey},
    settings::Settings,
    watch::{PatternText, PeerKey, Watch},
};

/// Cgroup id to agent. The only definition of "watched".
#[btf_map]
pub static WATCHED: HashMap<u64, Watch, 4096> = HashMap::new();

/// Texts that make a new cgroup watched, compared in the kernel so that no process can be quicker.
#[btf_map]
pub static PATTERNS: LpmTrie<PatternText, Watch, 256> = LpmTrie::new();

/// Network namespaces (by cookie) in which the gateway listens.
#[btf_map]
pub static NETNS: HashMap<u64, u32, 1024> = HashMap::new();

#[btf_map]
pub static SETTINGS: Array<Settings, 1> = Array::new();

/// Which agent made this socket. Accepted sockets inherit it from their listener.
#[btf_map]
pub static OWNER: SkStorage<u32, CLONED> = SkStorage::new();

/// What this client socket asked for.
#[btf_map]
pub static ORIGIN: SkStorage<Origin, PRIVATE> = SkStorage::new();

/// What the far end of this accepted gateway socket asked for.
#[btf_map]
pub static ACCEPTED: SkStorage<Origin, PRIVATE> = SkStorage::new();

/// From the SYN until the gateway's socket exists. Entries of handshakes that never finish are evicted.
#[btf_map]
pub static PENDING: LruHashMap<PendingKey, Origin, 65536> = LruHashMap::new();

/// Unix sockets that an agent may talk to.
#[btf_map]
pub static PEERS: HashMap<PeerKey, u32, 4096> = HashMap::new();

#[btf_map]
pub static REPORTS: RingBuf<Report, { 1 << 20 }> = RingBuf::new();

/// Reports that found the ring full.
#[btf_map]
pub static LOST: PerCpuArray<u64, 1> = PerCpuArray::new();

const CLONED: usize = (BPF_F_NO_PREALLOC | BPF_F_CLONE) as usize;
const PRIVATE: usize = BPF_F_NO_PREALLOC as usize;

/// Storage on sockets for every program type, with its flags open: aya's own takes socket-address contexts only and
/// cannot be inherited by accepted sockets.
#[repr(C)]
pub struct SkStorage<T, const FLAGS: usize> {
    r#type: *const [i32; BPF_MAP_TYPE_SK_STORAGE as usize],
    key: *const i32,
    value: *const T,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; FLAGS],
}

// SAFETY: a definition read by the loader; nothing ever follows its pointers.
unsafe impl<T, const FLAGS: usize> Sync for SkStorage<T, FLAGS> {}

impl<T: Copy, const FLAGS: usize> SkStorage<T, FLAGS> {
    const fn new() -> Self {
        Self {
            r#type: core::ptr::null(),
            key: core::ptr::null(),
            value: core::ptr::null(),
            max_entries: core::ptr::null(),
            map_flags: core::ptr::null(),
        }
    }

    /// The value on this socket.
    ///
    /// # Safety
    /// `sk` is a socket pointer that the verifier knows, and not null.
    #[inline(always)]
    pub unsafe fn get<S>(&self, sk: *mut S) -> Option<&T> {
        // SAFETY: the helper returns null or a value that lives as long as the program run.
        unsafe { self.raw(sk, core::ptr::null_mut(), 0).cast::<T>().as_ref() }
    }

    /// Sets the value on this socket; false when there was no memory for it.
    ///
    /// # Safety
    /// As for [`Self::get`].
    #[inline(always)]
    pub unsafe fn set<S>(&self, sk: *mut S, value: &mut T) -> bool {
        let first: *mut T = value;
        // SAFETY: as for `get`; `value` outlives the call.
        unsafe {
            let slot = self.raw(sk, first.cast(), BPF_SK_STORAGE_GET_F_CREATE.into()).cast::<T>();
            if slot.is_null() {
                return false;
            }
            copy(slot, first);
        }
        true
    }

    #[inline(always)]
    unsafe fn raw<S>(&self, sk: *mut S, first: *mut c_void, flags: u64) -> *mut c_void {
        // SAFETY: passed on from the caller.
        unsafe { bpf_sk_storage_get(core::ptr::from_ref(self).cast_mut().cast(), sk.cast(), first, flags) }
    }
}

/// Copies word by word; left to the compiler this becomes a loop over bytes.
///
/// # Safety
/// Both pointers are valid for `T`, which is plain integers and aligned to its words.
#[inline(always)]
unsafe fn copy<T>(to: *mut T, from: *const T) {
    let mut at = 0;
    while at + 8 <= size_of::<T>() {
        // SAFETY: within both values.
        unsafe {
            to.byte_add(at).cast::<u64>().write_volatile(from.byte_add(at).cast::<u64>().read_volatile())
        };
        at += 8;
    }
    while at + 4 <= size_of::<T>() {
        // SAFETY: within both values.
        unsafe {
            to.byte_add(at).cast::<u32>().write_volatile(from.byte_add(at).cast::<u32>().read_volatile())
        };
        at += 4;
    }
}
