//! Calls by which root changes the kernel under the enforcement.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Stopped, check, check_fd};

const BPF_MAP_CREATE: i32 = 0;
const BPF_PROG_LOAD: i32 = 5;
const BPF_OBJ_PIN: i32 = 6;
const BPF_OBJ_GET: i32 = 7;

/// `union bpf_attr`, as wide as the commands used here need it.
#[repr(C, align(8))]
#[derive(Default)]
struct Attributes {
    words: [u64; 18],
}

impl Attributes {
    fn new(first: &[u64]) -> Self {
        let mut attributes = Self::default();
        for (slot, word) in attributes.words.iter_mut().zip(first) {
            *slot = *word;
        }
        attributes
    }

    fn call(&mut self, command: i32) -> i64 {
        let size = size_of::<Self>();
        // SAFETY: the union is as wide as announced; pointers inside it are to memory that the callers keep alive.
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut self.words, size) }
    }
}

/// Two 32-bit fields that share a word, the first one at the lower address.
const fn pair(low: u32, high: u32) -> u64 {
    (low as u64) | ((high as u64) << 32)
}

/// A one-entry array map.
pub fn bpf_map_create() -> Result<OwnedFd, Stopped> {
    const ARRAY: u32 = 2;
    let made = Attributes::new(&[pair(ARRAY, 4), pair(4, 1)]).call(BPF_MAP_CREATE);
    check_fd("bpf map create", made)
}

/// The smallest program there is: `return 0`, as a socket filter.
pub fn bpf_load_return_zero() -> Result<OwnedFd, Stopped> {
    const SOCKET_FILTER: u32 = 1;
    let instructions: [u64; 2] = [0xb7, 0x95];
    let licence = c"GPL";
    let mut attributes =
        Attributes::new(&[pair(SOCKET_FILTER, 2), instructions.as_ptr() as u64, licence.as_ptr() as u64]);
    check_fd("bpf program load", attributes.call(BPF_PROG_LOAD))
}

pub fn bpf_object_pin(object: impl AsFd, path: &Path) -> Result<(), Stopped> {
    let path = c_path("bpf pin", path)?;
    let number = object.as_fd().as_raw_fd().unsigned_abs();
    let done = Attributes::new(&[path.as_ptr() as u64, pair(number, 0)]).call(BPF_OBJ_PIN);
    check("bpf pin", done).map(drop)
}

pub fn bpf_object_get(path: &Path) -> Result<OwnedFd, Stopped> {
    let path = c_path("bpf get", path)?;
    let got = Attributes::new(&[path.as_ptr() as u64]).call(BPF_OBJ_GET);
    check_fd("bpf get", got)
}

/// A software clock on ourselves.
pub fn perf_event_open() -> Result<OwnedFd, Stopped> {
    const SOFTWARE: u32 = 1;
    const SIZE: u32 = 64;
    let attributes: [u64; 8] = [pair(SOFTWARE, SIZE), 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: the structure is as wide as its own size field says.
    let made = unsafe { libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), 0, -1, -1, 0_u64) };
    check_fd("perf_event_open", made)
}

/// Offers a file to the kernel as a module.
pub fn finit_module(file: impl AsFd) -> Result<(), Stopped> {
    let parameters = c"";
    let number = file.as_fd().as_raw_fd();
    // SAFETY: the parameters are a C string that outlives the call.
    let done = unsafe { libc::syscall(libc::SYS_finit_module, number, parameters.as_ptr(), 0) };
    check("finit_module", done).map(drop)
}

/// Puts bytes where any process of the same user finds them.
pub fn keyring_add(name: &str, bytes: &[u8]) -> Result<(), Stopped> {
    const USER_KEYRING: i32 = -4;
    let name = CString::new(name).map_err(|_| Stopped::at("add_key", libc::EINVAL))?;
    let (kind, name, content) = (c"user".as_ptr(), name.as_ptr(), bytes.as_ptr());
    // SAFETY: two C strings and a buffer with its length, all alive until the call returns.
    let done = unsafe { libc::syscall(libc::SYS_add_key, kind, name, content, bytes.len(), USER_KEYRING) };
    check("add_key", done).map(drop)
}

fn c_path(call: &str, path: &Path) -> Result<CString, Stopped> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Stopped::at(call, libc::EINVAL))
}
