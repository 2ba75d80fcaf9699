//! Other processes: making them in places, reading, writing and tracing them, taking their descriptors.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use super::{During, Stopped, check, check_fd};

/// Runs `act` in a forked child and returns the text that it made. The calling process must be single-threaded.
pub fn fork_and_ask(act: impl FnOnce() -> String) -> Result<String, Stopped> {
    ask("fork", act, || {
        // SAFETY: the process is single-threaded, so the child finds no lock held by a vanished thread.
        let child = unsafe { libc::fork() };
        i64::from(child)
    })
}

/// As `fork_and_ask`, but the child is born into the cgroup whose directory is given.
pub fn clone_into_cgroup(cgroup: impl AsFd, act: impl FnOnce() -> String) -> Result<String, Stopped> {
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut arguments = [0_u64; 11];
    let [flags, _, _, _, exit_signal, .., directory] = &mut arguments;
    *flags = CLONE_INTO_CGROUP;
    *exit_signal = libc::SIGCHLD.unsigned_abs().into();
    *directory = cgroup.as_fd().as_raw_fd().unsigned_abs().into();
    ask("clone3", act, || {
        let size = size_of_val(&arguments);
        // SAFETY: no memory is shared with the child, no stack is given: this is fork with a place to be born.
        unsafe { libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size) }
    })
}

/// Runs `act` in a grandchild whose parent is gone, so that init (or a subreaper) adopted it.
pub fn fork_and_forget(act: impl FnOnce() -> String) -> Result<String, Stopped> {
    ask("fork", act, || {
        // SAFETY: as in `fork_and_ask`.
        let child = unsafe { libc::fork() };
        if child != 0 {
            return child.into();
        }
        // SAFETY: as in `fork_and_ask`.
        let grandchild = unsafe { libc::fork() };
        if grandchild > 0 {
            // SAFETY: ends the middle process at once, without running anything of the parent's.
            unsafe { libc::_exit(0) }
        }
        grandchild.into()
    })
}

fn ask(call: &str, act: impl FnOnce() -> String, make: impl FnOnce() -> i64) -> Result<String, Stopped> {
    let (read, write) = nix::unistd::pipe().during("pipe")?;
    let child = check(call, make())?;
    if child == 0 {
        let answer = act();
        let status = i32::from(std::fs::File::from(write).write_all(answer.as_bytes()).is_err());
        // SAFETY: leaves without running the parent's exit handlers in the child.
        unsafe { libc::_exit(status) }
    }
    drop(write);
    let mut answer = String::new();
    let got = std::fs::File::from(read).read_to_string(&mut answer);
    if let Ok(child) = i32::try_from(child) {
        nix::sys::wait::waitpid(Pid::from_raw(child), None).during("waitpid")?;
    }
    got.during("read")?;
    Ok(answer)
}

/// A process that changed its user is closed to its own kind until it says otherwise; one started by that user is
/// not, and that is the one to stand for.
pub fn become_dumpable() -> Result<(), Stopped> {
    // SAFETY: no pointers are passed.
    let done = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1_u64, 0_u64, 0_u64, 0_u64) };
    check("prctl", done.into()).map(drop)
}

pub fn open_by_pid(pid: i32) -> Result<OwnedFd, Stopped> {
    // SAFETY: no pointers are passed.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0_u32) };
    check_fd("pidfd_open", opened)
}

pub fn pidfd_getfd(process: impl AsFd, number: i32) -> Result<OwnedFd, Stopped> {
    let process = process.as_fd().as_raw_fd();
    // SAFETY: no pointers are passed.
    let taken = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process, number, 0_u32) };
    check_fd("pidfd_getfd", taken)
}

pub fn process_read(pid: i32, address: u64, len: usize) -> Result<Vec<u8>, Stopped> {
    let mut bytes = vec![0_u8; len];
    let remote = [RemoteIoVec { base: usize::try_from(address).unwrap_or_default(), len }];
    process_vm_readv(Pid::from_raw(pid), &mut [IoSliceMut::new(&mut bytes)], &remote)
        .during("process_vm_readv")?;
    Ok(bytes)
}

pub fn process_write(pid: i32, address: u64, bytes: &[u8]) -> Result<(), Stopped> {
    let remote = [RemoteIoVec { base: usize::try_from(address).unwrap_or_default(), len: bytes.len() }];
    process_vm_writev(Pid::from_raw(pid), &[IoSlice::new(bytes)], &remote)
        .during("process_vm_writev")
        .map(drop)
}

/// Another process, stopped under our tracing until this value is dropped.
#[derive(Debug)]
pub struct Traced {
    pid: i32,
}

impl Traced {
    pub fn attach(pid: i32) -> Result<Self, Stopped> {
        // SAFETY: PTRACE_ATTACH reads no memory of ours.
        let done = unsafe { libc::ptrace(libc::PTRACE_ATTACH, pid, 0_u64, 0_u64) };
        check("ptrace", done)?;
        let traced = Self { pid };
        nix::sys::wait::waitpid(Pid::from_raw(pid), Some(nix::sys::wait::WaitPidFlag::__WALL))
            .during("waitpid")?;
        Ok(traced)
    }

    pub fn seize(pid: i32) -> Result<Self, Stopped> {
        // SAFETY: PTRACE_SEIZE reads no memory of ours.
        let done = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0_u64, 0_u64) };
        check("ptrace", done)?;
        let traced = Self { pid };
        // SAFETY: PTRACE_INTERRUPT reads no memory of ours.
        let done = unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, pid, 0_u64, 0_u64) };
        check("ptrace", done)?;
        nix::sys::wait::waitpid(Pid::from_raw(pid), Some(nix::sys::wait::WaitPidFlag::__WALL))
            .during("waitpid")?;
        Ok(traced)
    }

    /// Writes whole words; the last one is filled up with zeros. From the end to the beginning, so that who waits
    /// for the first byte finds the rest already there.
    pub fn poke(&self, address: u64, bytes: &[u8]) -> Result<(), Stopped> {
        let words: Vec<_> = bytes.chunks(8).collect();
        for (index, chunk) in words.iter().enumerate().rev() {
            let mut word = [0_u8; 8];
            for (slot, byte) in word.iter_mut().zip(*chunk) {
                *slot = *byte;
            }
            let at = address + (index as u64) * 8;
            // SAFETY: writes to the memory of the traced process, not to ours.
            let done = unsafe { libc::ptrace(libc::PTRACE_POKEDATA, self.pid, at, u64::from_ne_bytes(word)) };
            check("ptrace", done)?;
        }
        Ok(())
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // SAFETY: PTRACE_DETACH reads no memory of ours. A failure means that the process is gone.
        unsafe { libc::ptrace(libc::PTRACE_DETACH, self.pid, 0_u64, 0_u64) };
    }
}

/// Sends SIGUSR1 with a value that its receiver can read.
pub fn signal_value(pid: i32, value: usize) -> Result<(), Stopped> {
    let value = libc::sigval { sival_ptr: ptr::with_exposed_provenance_mut(value) };
    // SAFETY: the pointer inside is only a number to both sides.
    let done = unsafe { libc::sigqueue(pid, libc::SIGUSR1, value) };
    check("sigqueue", done.into()).map(drop)
}

/// Waits for a SIGUSR1 (blocked by the caller) and returns its value, or nothing when the time is over.
pub fn wait_signal_value(limit: Duration) -> Option<usize> {
    let set = nix::sys::signal::SigSet::from(nix::sys::signal::Signal::SIGUSR1);
    let seconds = i64::try_from(limit.as_secs()).unwrap_or(i64::MAX);
    let limit = libc::timespec { tv_sec: seconds, tv_nsec: limit.subsec_nanos().into() };
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: all three point to live values of the right types.
    let got = unsafe { libc::sigtimedwait(set.as_ref(), info.as_mut_ptr(), &raw const limit) };
    if got != libc::SIGUSR1 {
        return None;
    }
    // SAFETY: zeroed memory is a valid siginfo_t, and the kernel has filled it in.
    let info = unsafe { info.assume_init() };
    // SAFETY: SIGUSR1 sent by a process carries a value (zero when it was sent by kill).
    let value = unsafe { info.si_value() };
    Some(value.sival_ptr.expose_provenance())
}
