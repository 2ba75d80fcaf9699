//! The calls of bpf(2) that aya keeps to itself: opening a pin, replacing a link's program, asking what a link hangs on.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use aya::Pod;

const BPF_OBJ_PIN: libc::c_int = 6;
const BPF_OBJ_GET: libc::c_int = 7;
const BPF_PROG_GET_NEXT_ID: libc::c_int = 11;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_LINK_UPDATE: libc::c_int = 29;
const BPF_LINK_TYPE_CGROUP: u32 = 3;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct ObjectAttr {
    pathname: u64,
    fd: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct InfoAttr {
    fd: u32,
    len: u32,
    info: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct IdAttr {
    start: u32,
    next: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct LinkUpdateAttr {
    link: u32,
    program: u32,
    flags: u32,
    old_program: u32,
}

/// The head of `struct bpf_link_info` as it is for cgroup links.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct LinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    pad: u32,
    cgroup: u64,
    attach_type: u32,
    pad2: u32,
    rest: [u64; 16],
}

/// What a pinned link is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFacts {
    pub program_id: u32,
    /// Zero when the cgroup is gone and the link with it; `None` when it is no cgroup link.
    pub cgroup: Option<u64>,
}

/// Opens what is pinned at `path`.
pub fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let attr = ObjectAttr { pathname: path.as_ptr() as u64, ..ObjectAttr::default() };
    let fd = call(BPF_OBJ_GET, &attr)?;
    // SAFETY: the kernel just gave this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Pins `fd` at `path`.
pub fn pin(fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let attr = ObjectAttr { pathname: path.as_ptr() as u64, fd: raw(fd), flags: 0 };
    call(BPF_OBJ_PIN, &attr).map(drop)
}

/// Puts `program` in place of the link's program, with no moment in between.
pub fn update_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let attr = LinkUpdateAttr { link: raw(link), program: raw(program), ..LinkUpdateAttr::default() };
    call(BPF_LINK_UPDATE, &attr).map(drop)
}

/// Asks the kernel what a link is attached to.
pub fn link_facts(link: BorrowedFd<'_>) -> io::Result<LinkFacts> {
    let mut info = LinkInfo::default();
    let attr = InfoAttr { fd: raw(link), len: size_of::<LinkInfo>() as u32, info: (&raw mut info) as u64 };
    call(BPF_OBJ_GET_INFO_BY_FD, &attr)?;
    let cgroup = (info.kind == BPF_LINK_TYPE_CGROUP).then_some(info.cgroup);
    Ok(LinkFacts { program_id: info.program, cgroup })
}

/// The id of some loaded program: the smallest thing that bpf(2) can be asked.
pub fn next_program() -> io::Result<u32> {
    let mut attr = IdAttr::default();
    let at: *mut IdAttr = &mut attr;
    // SAFETY: the kernel reads and writes within this struct.
    let result = unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_GET_NEXT_ID, at, size_of::<IdAttr>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(attr.next) }
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

// SAFETY: `repr(C)`, integers only, no padding.
unsafe impl Pod for ObjectAttr {}
// SAFETY: as above.
unsafe impl Pod for InfoAttr {}
// SAFETY: as above.
unsafe impl Pod for LinkUpdateAttr {}

fn call<T: Pod>(command: libc::c_int, attr: &T) -> io::Result<libc::c_int> {
    let (at, size) = (std::ptr::from_ref(attr), size_of::<T>());
    // SAFETY: the kernel reads `size` bytes of a plain struct, and writes only where the callers point it.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, at, size) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as libc::c_int) }
}
