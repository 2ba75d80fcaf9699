//! `forbidden`: makes system calls that a confined command must not make, with arguments that lead nowhere, and prints
//! as one JSON object how each was answered: the errno, or 0.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};

use anyhow::Result;

/// Not a flag of any call: what gets past the filter is told that its arguments make no sense.
const NONSENSE: i64 = 0x7fff_0000;
const NO_FILE: i64 = -1;

/// `forbidden [ABSTRACT-SOCKET PID]`: an outsider's socket to connect to, and its process to look into.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut answers: BTreeMap<String, i32> =
        calls().into_iter().map(|(name, call)| (name.to_owned(), answer(call))).collect();
    for family in 0..=45 {
        answers.insert(format!("family {family}"), answer([libc::SYS_socket, family, 2, 0]));
    }
    for protocol in 0..=22 {
        answers.insert(format!("netlink {protocol}"), answer([libc::SYS_socket, 16, 3, protocol]));
    }
    if let [socket, pid] = args {
        let address = SocketAddr::from_abstract_name(socket)?;
        answers.insert("abstract socket".to_owned(), errno(UnixStream::connect_addr(&address)));
        answers.insert("look outside".to_owned(), errno(std::fs::read_dir(format!("/proc/{pid}/root/run"))));
        answers.insert("signal".to_owned(), answer([libc::SYS_kill, pid.parse()?, 0, 0]));
    }
    println!("{}", serde_json::to_string(&answers)?);
    Ok(())
}

fn calls() -> Vec<(&'static str, [i64; 4])> {
    let new = |flag: i32| i64::from(flag) | i64::from(libc::CLONE_THREAD);
    vec![
        ("io_uring_setup", [libc::SYS_io_uring_setup, 0, 0, 0]),
        ("io_uring_enter", [libc::SYS_io_uring_enter, NO_FILE, 0, 0]),
        ("io_uring_register", [libc::SYS_io_uring_register, NO_FILE, 0, 0]),
        ("bpf", [libc::SYS_bpf, 9999, 0, 0]),
        ("perf_event_open", [libc::SYS_perf_event_open, 0, 0, 0]),
        ("ptrace", [libc::SYS_ptrace, NONSENSE, 0, 0]),
        ("process_vm_readv", [libc::SYS_process_vm_readv, 0, 0, NONSENSE]),
        ("process_vm_writev", [libc::SYS_process_vm_writev, 0, 0, NONSENSE]),
        ("pidfd_getfd", [libc::SYS_pidfd_getfd, NO_FILE, 0, 0]),
        ("keyctl", [libc::SYS_keyctl, 9999, 0, 0]),
        ("add_key", [libc::SYS_add_key, 0, 0, 0]),
        ("request_key", [libc::SYS_request_key, 0, 0, 0]),
        ("mount", [libc::SYS_mount, 0, 0, 0]),
        ("umount2", [libc::SYS_umount2, 0, NONSENSE, 0]),
        ("pivot_root", [libc::SYS_pivot_root, 0, 0, 0]),
        ("move_mount", [libc::SYS_move_mount, NO_FILE, 0, NO_FILE]),
        ("open_tree", [libc::SYS_open_tree, NO_FILE, 0, NONSENSE]),
        ("fsopen", [libc::SYS_fsopen, 0, NONSENSE, 0]),
        ("fsconfig", [libc::SYS_fsconfig, NO_FILE, NONSENSE, 0]),
        ("fsmount", [libc::SYS_fsmount, NO_FILE, NONSENSE, 0]),
        ("fspick", [libc::SYS_fspick, NO_FILE, 0, NONSENSE]),
        ("mount_setattr", [libc::SYS_mount_setattr, NO_FILE, 0, NONSENSE]),
        ("open_by_handle_at", [libc::SYS_open_by_handle_at, NO_FILE, 0, 0]),
        ("setns", [libc::SYS_setns, NO_FILE, 0, 0]),
        ("init_module", [libc::SYS_init_module, 0, 0, 0]),
        ("finit_module", [libc::SYS_finit_module, NO_FILE, 0, 0]),
        ("delete_module", [libc::SYS_delete_module, 0, 0, 0]),
        ("kexec_load", [libc::SYS_kexec_load, 0, 9999, 0]),
        ("kexec_file_load", [libc::SYS_kexec_file_load, NO_FILE, NO_FILE, 0]),
        ("userfaultfd", [libc::SYS_userfaultfd, NONSENSE, 0, 0]),
        ("ioctl TIOCSTI", [libc::SYS_ioctl, 0, libc::TIOCSTI as i64, 0]),
        ("ioctl TIOCLINUX", [libc::SYS_ioctl, 0, libc::TIOCLINUX as i64, 0]),
        ("clone3", [libc::SYS_clone3, 0, 0, 0]),
        // A new thread needs more flags than this one: the kernel refuses the combination.
        ("clone user namespace", [libc::SYS_clone, new(libc::CLONE_NEWUSER), 0, 0]),
        ("clone network namespace", [libc::SYS_clone, new(libc::CLONE_NEWNET), 0, 0]),
        ("unshare user namespace", [libc::SYS_unshare, NONSENSE | i64::from(libc::CLONE_NEWUSER), 0, 0]),
        ("unshare network namespace", [libc::SYS_unshare, NONSENSE | i64::from(libc::CLONE_NEWNET), 0, 0]),
        ("unshare mount namespace", [libc::SYS_unshare, NONSENSE | i64::from(libc::CLONE_NEWNS), 0, 0]),
        ("socketpair of another family", [libc::SYS_socketpair, 30, 1, 0]),
    ]
}

fn answer([number, first, second, third]: [i64; 4]) -> i32 {
    // SAFETY: every pointer among the arguments is null, which the kernel refuses or does not look at; what succeeds
    // is a socket or a signal 0.
    let result = unsafe { libc::syscall(number, first, second, third, 0_i64, 0_i64) };
    if result < 0 { std::io::Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 }
}

fn errno<T>(result: std::io::Result<T>) -> i32 {
    result.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0)
}
